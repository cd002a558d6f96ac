"""What rude clients cost the emulator, and what others notice of them."""

from __future__ import annotations

import contextlib
import itertools
import selectors
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.emulator_start import EMULATOR
from benchmarks.figures import Row
from benchmarks.observer import QueueObserver
from benchmarks.processes import resident_megabytes
from benchmarks.raw_sender import data_section
from harness.embedded import start_emulator
from servicebus_emulator.__main__ import allow_many_connections
from servicebus_emulator.amqp.events import DeliveryReceived
from tests.integration.emulator.raw_client import RawClient

if TYPE_CHECKING:
    from benchmarks.bench import Bench

_FIRST_BYTES = (b"", b"A", b"AMQP\x03\x01\x00\x00", b"AMQP\x00\x01\x00\x00", b"\x16\x03\x01")
_PATIENCE = 180.0
_MESSAGE = data_section(b"x" * 100)
_LARGE = data_section(b"x" * 200_000)
_ALONE, _BESIDE = "alone", "beside the rude"


def measure(bench: Bench) -> list[Row]:
    """Thousands of sockets that say little or nothing, and readers that do not read."""
    allow_many_connections()
    return [*_half_open(bench, bench.choose(10_000, 500)), *_deaf(bench, bench.choose(50, 5))]


def _half_open(bench: Bench, count: int) -> list[Row]:
    memory = Row(f"emulator: resident memory a half-open socket, of {count:,}", "KB", EMULATOR)
    closed = Row(f"emulator: {count:,} half-open sockets: until the last is closed", "s", EMULATOR)
    round_trip = Row(
        f"send and receive a message, alone and beside {count:,} half-open sockets", "ms", _ALONE
    )
    process, endpoints = start_emulator()
    with process, ExitStack() as cleanup:
        QueueObserver(endpoints, "polite")
        port = int(endpoints.namespace.rpartition(":")[2])
        polite = cleanup.enter_context(_Polite(port))
        empty = resident_megabytes(process.pid)
        _sample(bench, polite, round_trip, _ALONE)
        sockets = []
        begin = time.monotonic()
        for _, first in zip(range(count), itertools.cycle(_FIRST_BYTES), strict=False):
            sockets.append(cleanup.enter_context(socket.create_connection(("127.0.0.1", port), 30)))
            sockets[-1].sendall(first)
        memory.add(EMULATOR, (resident_megabytes(process.pid) - empty) * 1024 / count)
        _sample(bench, polite, round_trip, _BESIDE)
        _await_ends(sockets)
        closed.add(EMULATOR, time.monotonic() - begin)
        closed.note = "who has said AMQP has half a minute for its open"
    return [memory, closed, round_trip]


def _deaf(bench: Bench, count: int) -> list[Row]:
    memory = Row(
        f"emulator: resident memory a receiver with endless credit that does not read, of {count}",
        "KB",
        EMULATOR,
    )
    round_trip = Row(f"send and receive a message, alone and beside {count} of these", "ms", _ALONE)
    process, endpoints = start_emulator()
    with process, ExitStack() as cleanup:
        QueueObserver(endpoints, "polite")
        QueueObserver(endpoints, "flood")
        port = int(endpoints.namespace.rpartition(":")[2])
        polite = cleanup.enter_context(_Polite(port))
        with RawClient(port) as source:
            source.send("flood", _LARGE, count=20 * count)
        _sample(bench, polite, round_trip, _ALONE)
        full = resident_megabytes(process.pid)
        for _ in range(count):
            cleanup.enter_context(RawClient(port)).receiver("flood", credit=2**31 - 1, settled=True)
        _sample(bench, polite, round_trip, _BESIDE)
        memory.add(EMULATOR, (resident_megabytes(process.pid) - full) * 1024 / count)
    return [memory, round_trip]


class _Polite(RawClient):
    """Sends itself messages."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._link = self.sender("polite")
        self.receiver("polite", credit=100_000, settled=True)
        self._tags = itertools.count()

    def round_trip(self) -> float:
        """Milliseconds from sending a message to having it."""
        begin = time.perf_counter()
        self._link.send(_MESSAGE, delivery_tag=next(self._tags).to_bytes(4, "big"))
        self.wait_for(DeliveryReceived)
        self.events.clear()
        return (time.perf_counter() - begin) * 1000


def _sample(bench: Bench, polite: _Polite, row: Row, name: str) -> None:
    for _ in range(bench.choose(300, 30)):
        row.add(name, polite.round_trip())


def _await_ends(sockets: list[socket.socket]) -> None:
    """Wait until the emulator has closed every one of them."""
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            each.setblocking(False)
            selector.register(each, selectors.EVENT_READ, each)
        deadline = time.monotonic() + _PATIENCE
        while selector.get_map():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(selector.get_map())} half-open sockets are still open")
            for key, _ in selector.select(1.0):
                data = b""
                with contextlib.suppress(OSError):
                    data = key.data.recv(4096)
                if not data:
                    selector.unregister(key.fileobj)
