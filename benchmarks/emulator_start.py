"""How long the emulator takes from process start to its first accepted AMQP open.

The clock runs from before the process is made until the bytes of the server's `open` arrive.
Beside it, in the same run and in turn, stands the start of a bare interpreter: the part of the
time that no program in Python can save.
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
from harness.environment import child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

EMULATOR = "emulator"
_BARE = "bare interpreter"
_READY = r"Endpoint=sb://[^:;]+:(\d+)"


def measure(bench: Bench) -> list[Row]:
    """Start emulators and interpreters in turn."""
    starts = Row("emulator: process start → first accepted AMQP open", "ms", _BARE, "< 300 ms")
    memory = Row("emulator: resident memory when idle", "MB", _BARE, "< 40 MB")
    for _ in bench.rounds(3):
        for _ in range(bench.choose(5, 2)):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], check=True, env=child_environment({}))
            starts.add(_BARE, (time.perf_counter() - begin) * 1000)
            begin = time.perf_counter()
            with _emulator() as (pid, port), open_connection(port):
                starts.add(EMULATOR, (time.perf_counter() - begin) * 1000)
                memory.add(EMULATOR, resident_megabytes(pid))
    return [starts, memory]


@contextlib.contextmanager
def _emulator() -> Iterator[tuple[int, int]]:
    """Run an emulator; its process id, and the port from its ready line, read without delay."""
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
            yield process.pid, int(match[1])
        finally:
            process.terminate()
            process.wait(10)
