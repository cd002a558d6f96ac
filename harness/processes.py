"""Child processes: their output line by line, and their end, whole families included."""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from harness import groups
from harness.environment import child_environment
from harness.guard import guard
from harness.stopping import Stopping
from harness.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_KEPT_LINES = 400


First = TypeVar("First")
Second = TypeVar("Second")


class ProcessDiedError(RuntimeError):
    """A process ended while something was still expected of it."""


class ManagedProcess(Stopping):
    """A child in a process group of its own, running from construction on.

    Args:
        name: What messages call it.
        command: Program and arguments.
        settings: What its environment has beside ours.
        folder: Its working directory.
        sink: Called with each line of its output, from another thread.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        settings: Mapping[str, str] | None = None,
        folder: Path | None = None,
        sink: Callable[[str], None] | None = None,
    ) -> None:
        self.name = name
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._sink = sink
        self._process = subprocess.Popen(  # noqa: S603 - commands of the harness itself
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment(settings or {}),
            cwd=folder,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=groups.NEW_SESSION,
            creationflags=groups.CREATION_FLAGS,
        )
        guard().watch(self.pid)
        self._pump = threading.Thread(target=self._read, name=f"output of {name}", daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(tuple(self._lines))

    def wait_for_line(self, pattern: str, timeout: float = 60.0) -> re.Match[str]:
        """Wait for a line of its output that contains `pattern`, also one already written.

        Raises:
            ProcessDiedError: It ended before.
            TimeoutError: It did not write such a line in time.
        """
        wanted = re.compile(pattern)

        def found() -> re.Match[str] | None:
            has_ended = self.exit_code is not None and not self._pump.is_alive()
            match = next(filter(None, map(wanted.search, tuple(self._lines))), None)
            if match is None and has_ended:
                raise ProcessDiedError(
                    f"{self.name} ended with exit code {self.exit_code}:\n{self.output}"
                )
            return match

        try:
            return wait_until(found, f"a line like /{pattern}/ of {self.name}", timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; its last lines:\n{self.output}") from None

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for its end; the exit code.

        Raises:
            TimeoutError: It still runs.
        """
        wait_until(lambda: self.exit_code is not None, f"the end of {self.name}", timeout)
        self._pump.join(timeout)
        return self._process.returncode

    def terminate(self) -> None:
        """Ask it to stop."""
        if self.exit_code is None:
            groups.terminate(self.pid)

    def interrupt(self) -> None:
        """Do what Ctrl-C in its terminal does: interrupt the whole group."""
        groups.interrupt(self.pid)

    def kill(self) -> None:
        """End it and its children at once, as a crash would."""
        groups.kill(self.pid)
        self.wait()
        guard().release(self.pid)

    def stop(self, timeout: float = 10.0) -> int:
        """Ask it to stop, and end what has not stopped in time, children included."""
        self.terminate()
        with contextlib.suppress(TimeoutError):  # its output may stay open, in a child's hands
            wait_until(lambda: self.exit_code is not None, f"the end of {self.name}", timeout)
        self.kill()
        return self._process.returncode

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            return
        with stdout:
            for line in stdout:
                text = line.rstrip("\r\n")
                self._lines.append(text)
                if self._sink is not None:
                    self._sink(text)


def start_both(
    first: Callable[[], tuple[ManagedProcess, First]],
    second: Callable[[], tuple[ManagedProcess, Second]],
) -> tuple[tuple[ManagedProcess, First], tuple[ManagedProcess, Second]]:
    """Call both at the same time, as each waits for its process; one does not outlive the other.

    Raises:
        Exception: Of the one that could not start its process; that of the other has ended.
    """
    with ThreadPoolExecutor(2) as threads:
        one, two = threads.submit(first), threads.submit(second)
        try:
            return one.result(), two.result()
        except BaseException:
            for start in (one, two):
                if start.exception() is None:  # which is known when it has ended
                    start.result()[0].stop()
            raise
