"""What a process and its children use: processor time, memory, connections."""

from __future__ import annotations

import contextlib

import psutil


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its living children so far, user and system together."""
    total = 0.0
    for process in _tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process and its children, in MB of 2^20 bytes."""
    total = 0
    for process in _tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / 2**20


def resident_each(pid: int) -> list[float]:
    """Resident memory of a process, and then of each of its children, in MB of 2^20 bytes."""
    return [process.memory_info().rss / 2**20 for process in _tree(pid)]


def connections(pid: int, port: int) -> int:
    """How many TCP connections a process and its children have to a port."""
    count = 0
    for process in _tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            count += sum(
                1
                for each in process.net_connections("tcp")
                if each.raddr and each.raddr.port == port and each.status == "ESTABLISHED"
            )
    return count
