"""How long the emulator takes from process start to its first accepted AMQP open.

The clock runs from before the process is made until the bytes of the server's `open` arrive.
Beside it, in the same run and in turn, stands the start of a bare interpreter: the part of the
time that no program in Python can save.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import row

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 15
_SASL_HEADER = b"AMQP\x03\x01\x00\x00"
_AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
_OPEN_DESCRIPTOR = b"\x00\x53\x10"


def _frame(kind: int, descriptor: int, fields: bytes, count: int) -> bytes:
    """Encode a frame whose body is a described list8 (AMQP 1.0, part 2.3.1)."""
    body = b"\x00\x53" + bytes((descriptor, 0xC0, len(fields) + 1, count)) + fields
    return struct.pack(">IBBH", 8 + len(body), 2, kind, 0) + body


def _text(code: int, value: bytes) -> bytes:
    return bytes((code, len(value))) + value


def _open_handshake(port: int) -> None:
    """Speak SASL ANONYMOUS and `open`; return when the server's `open` has come."""
    sasl_init = _frame(1, 0x41, _text(0xA3, b"ANONYMOUS") + _text(0xA0, b""), 2)
    open_ = _frame(0, 0x10, _text(0xA1, b"start-bench") + _text(0xA1, b"127.0.0.1"), 2)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(_SASL_HEADER + sasl_init + _AMQP_HEADER + open_)
        received = b""
        while _OPEN_DESCRIPTOR not in received:
            chunk = connection.recv(4096)
            if not chunk:
                raise ConnectionError("the emulator closed the connection before its open")
            received += chunk


@contextlib.contextmanager
def _emulator() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run an emulator process on a free port; yield it and the port from its ready line."""
    with subprocess.Popen(
        [sys.executable, "-m", "servicebus_emulator", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - PIPE was asked for
            ready = process.stdout.readline()
            match = re.search(r"Endpoint=sb://[^:;]+:(\d+)", ready)
            if match is None:
                raise RuntimeError("the emulator printed no connection string")
            yield process, int(match.group(1))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def _resident_megabytes(pid: int) -> float | None:
    """Read a process' resident memory in MB, where the system tells it (Linux)."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    match = re.search(r"VmRSS:\s+(\d+) kB", status.read_text())
    return int(match.group(1)) / 1024 if match else None


def _milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Measure and print the table."""
    starts: list[float] = []
    bare: list[float] = []
    resident: list[float] = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(_milliseconds_since(begin))
        begin = time.perf_counter()
        with _emulator() as (process, port):
            _open_handshake(port)
            starts.append(_milliseconds_since(begin))
            megabytes = _resident_megabytes(process.pid)
            if megabytes is not None:
                resident.append(megabytes)
    print(f"{os.cpu_count()} processors, Python {sys.version.split()[0]}")
    print(row("bare interpreter: start to exit", bare, "ms"))
    print(row("emulator: start to first accepted AMQP open", starts, "ms"))
    if resident:
        print(row("emulator: resident memory after that", resident, "MB"))


if __name__ == "__main__":
    main()
