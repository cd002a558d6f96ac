"""A guard: a process that outlives the harness and ends what the harness could not.

Linux can signal a child when its parent dies, but takes the thread that started the child for the
parent, and spares the child's children. A pipe whose other end closes is exact, on every system.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import subprocess
import sys
import threading
from typing import IO

from harness import groups
from harness.environment import child_environment


class Guard:
    """Knows process groups, and kills those left when this process is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-m", "harness.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            env=child_environment({}),
            start_new_session=groups.NEW_SESSION,  # what ends the harness must not end the guard
            creationflags=groups.CREATION_FLAGS,
        )

    def watch(self, group: int) -> None:
        """Kill this group if we die."""
        self._tell(f"+{group}")

    def release(self, group: int) -> None:
        """The group has ended; its number may soon be that of another."""
        self._tell(f"-{group}")

    def dismiss(self) -> None:
        """End the guard, which ends what it still watches."""
        with self._lock, contextlib.suppress(OSError):
            self._pipe.close()
        self._process.wait()

    @property
    def _pipe(self) -> IO[str]:
        pipe = self._process.stdin
        if pipe is None:
            raise RuntimeError("the guard was started without a pipe")
        return pipe

    def _tell(self, line: str) -> None:
        with self._lock, contextlib.suppress(OSError, ValueError):  # it is gone: so be it
            self._pipe.write(f"{line}\n")
            self._pipe.flush()


@functools.cache
def _only_guard() -> Guard:
    guard = Guard()
    atexit.register(guard.dismiss)
    return guard


_starting = threading.Lock()


def guard() -> Guard:
    """The guard of this process, started when first asked for."""
    with _starting:
        return _only_guard()


def left_over(lines: IO[str]) -> set[int]:
    """Read until the harness is gone; the groups that it has not released."""
    groups: set[int] = set()
    for line in lines:
        change = groups.add if line.startswith("+") else groups.discard
        change(int(line[1:]))
    return groups


if __name__ == "__main__":
    for left in left_over(sys.stdin):
        groups.kill(left)
