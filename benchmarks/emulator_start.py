"""How long the emulator, and the embedded stack, take to start; how long the emulator to stop.

The clock runs from before the process is made until the bytes of the server's `open` arrive; for
the stack, until both of its services have said that they are ready. Beside it, in the same run and
in turn, stands the start of a bare interpreter: the part of the time that no program in Python can
save.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.figures import Row
from benchmarks.handshake import open_connection
from benchmarks.processes import resident_megabytes
from harness.embedded import EmbeddedStack
from harness.environment import child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

EMULATOR = "emulator"
STACK = "embedded stack"
_BARE = "bare interpreter"
_PATIENCE = 30.0
_READY = r"Endpoint=sb://[^:;]+:(\d+)"


def measure(bench: Bench) -> list[Row]:
    """Start emulators and interpreters in turn."""
    starts = Row("emulator: process start → first accepted AMQP open", "ms", _BARE, "< 300 ms")
    memory = Row("emulator: resident memory when idle", "MB", _BARE, "< 40 MB")
    stops = Row("emulator: SIGTERM → end of the process, beside an open connection", "ms", EMULATOR)
    for _ in bench.rounds(3):
        for _ in range(bench.choose(5, 2)):
            starts.add(_BARE, _bare_start())
            begin = time.perf_counter()
            with _emulator() as (process, port), open_connection(port):
                starts.add(EMULATOR, (time.perf_counter() - begin) * 1000)
                memory.add(EMULATOR, resident_megabytes(process.pid))
                begin = time.perf_counter()
                process.terminate()
                process.wait(_PATIENCE)
                stops.add(EMULATOR, (time.perf_counter() - begin) * 1000)
    return [starts, memory, stops]


def measure_stack(bench: Bench) -> list[Row]:
    """Start embedded stacks and interpreters in turn."""
    starts = Row("embedded stack: nothing runs → both services are ready", "ms", _BARE, "< 4 s")
    for _ in bench.rounds(3):
        for _ in range(bench.choose(3, 1)):
            starts.add(_BARE, _bare_start())
            begin = time.perf_counter()
            with EmbeddedStack(bench.say):
                starts.add(STACK, (time.perf_counter() - begin) * 1000)
    return [starts]


def _bare_start() -> float:
    """Milliseconds that an interpreter takes to start, do nothing, and end."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, env=child_environment({}))
    return (time.perf_counter() - begin) * 1000


@contextlib.contextmanager
def _emulator() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run an emulator; its process, and the port from its ready line, read without delay."""
    with subprocess.Popen(
        [sys.executable, "-m", "servicebus_emulator", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment({}),
    ) as process:
        try:
            ready = process.stdout.readline() if process.stdout else ""
            match = re.search(_READY, ready)
            if match is None:
                raise RuntimeError("the emulator printed no connection string")
            yield process, int(match[1])
        finally:
            process.terminate()
            process.wait(_PATIENCE)
