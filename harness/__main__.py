"""`python -m harness up` runs the whole system, `python -m harness emulators` a part of it.

`python -m harness fetch` downloads what they need, and runs nothing; `python -m harness containers`
tells whether the official emulators can run here.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import socket
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, TextIO

from harness.downloads import DownloadError
from harness.embedded import EmbeddedStack
from harness.live import start_product
from harness.node import find_node
from harness.processes import ProcessDiedError
from harness.stack import StackUnavailableError, describe_stack
from harness.storage import install_azurite
from harness.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.processes import ManagedProcess

QUEUE = "jobs"
API_PORT = 8001
EMULATOR_PORT = 5672
BLOB_PORT = 10_000
_PORTS_TO_TRY = 20
_COLOURS = {"emulator": 35, "azurite": 36, "worker": 33, "api": 32}


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The person wants to end."""


class Console:
    """Lines of several processes on one terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._coloured = stream.isatty()

    def say(self, text: str) -> None:
        """Write a line of the harness itself."""
        with self._lock:
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def sink(self, name: str) -> Callable[[str], None]:
        """What writes the lines of a process, with its name before each."""
        prefix = f"{name:<8} | "
        if self._coloured:
            prefix = f"\x1b[{_COLOURS.get(name, 0)}m{prefix}\x1b[0m"
        return lambda line: self.say(prefix + line)


def free_port(wanted: int, say: Callable[[str], None], what: str) -> int:
    """Give the port that is wanted, or the next one that is free; and say so."""
    for port in range(wanted, wanted + _PORTS_TO_TRY):
        with socket.socket() as probe:
            if sys.platform != "win32":  # a port that was closed a moment ago is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port != wanted:
            say(f"Port {wanted} is taken; the {what} listens on {port}.")
        return port
    last = wanted + _PORTS_TO_TRY - 1
    raise OSError(f"every port from {wanted} to {last} is taken; none is left for the {what}")


def up(console: Console, cleanup: ExitStack) -> Sequence[ManagedProcess]:
    """Start everything; tell how to use it."""
    stack = _emulators(console, cleanup)
    settings = stack.endpoints.settings(QUEUE) | {"REMOTE_CONTROL": "true"}
    port = free_port(API_PORT, console.say, "API")
    worker, api, url = start_product(settings, port=port, sink_of=console.sink)
    cleanup.enter_context(worker)
    cleanup.enter_context(api)
    emulator = f"http://127.0.0.1:{stack.endpoints.admin_port}/emulator/"
    console.say(
        f"""
Everything runs. Try:

  curl -s -X POST {url}/enqueue/ -H 'Content-Type: application/json' -d '{{"hello": "world"}}'

and then {url}/status/<task_id>, or do it on the page at {url}/ui; the API's document is at
{url}/docs, the emulator's page at {emulator}. Ctrl-C stops everything.
"""
    )
    return (*stack.processes, worker, api)


def emulators(console: Console, cleanup: ExitStack) -> Sequence[ManagedProcess]:
    """Start the emulators; print the settings for `.env`."""
    stack = _emulators(console, cleanup)
    wanted = stack.endpoints.settings(QUEUE)
    lines = [f"{name}={value}" for name, value in list(wanted.items())[:5]]
    console.say("\n# For .env:\n" + "\n".join(lines) + "\n\nCtrl-C stops both.\n")
    return stack.processes


def fetch(console: Console, _: ExitStack) -> Sequence[ManagedProcess]:
    """Download Azurite, and Node.js where there is none."""
    install_azurite(find_node(console.say), console.say)
    return ()


def containers(console: Console, _: ExitStack) -> Sequence[ManagedProcess]:
    """Say what the containers stack would run, or why it cannot."""
    console.say(describe_stack("containers"))
    return ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command until it is stopped; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m harness", description=__doc__)
    commands = {"up": up, "emulators": emulators, "fetch": fetch, "containers": containers}
    parser.add_argument("command", choices=commands, help="what to start")
    parser.add_argument(
        "--with-parent",
        action="store_true",
        help="stop when the process that started this one has ended (not on Windows)",
    )
    options = parser.parse_args(arguments)
    command = commands[options.command]
    parent = os.getppid() if options.with_parent and os.name == "posix" else None
    console = Console(sys.stdout)
    for number in _stop_signals():
        signal.signal(number, _raise_stopped)
    try:
        with ExitStack() as cleanup:
            try:
                processes = command(console, cleanup)
                return _watch(processes, console, parent) if processes else 0
            finally:
                _ignore_signals()  # the way down is not to be interrupted
    except Stopped:
        console.say("Everything has stopped.")
        return 0
    except (DownloadError, ProcessDiedError, StackUnavailableError, OSError) as error:
        console.say(str(error))
        return 1


def _emulators(console: Console, cleanup: ExitStack) -> EmbeddedStack:
    console.say("Starting the Service Bus emulator and Azurite.")
    return cleanup.enter_context(
        EmbeddedStack(
            console.say,
            emulator_port=free_port(EMULATOR_PORT, console.say, "Service Bus emulator"),
            blob_port=free_port(BLOB_PORT, console.say, "Azurite"),
            queues=(QUEUE,),
            sink_of=console.sink,
        )
    )


def _watch(processes: Sequence[ManagedProcess], console: Console, parent: int | None) -> int:
    """Wait until one of the processes ends, which none should, or until we are orphaned."""

    def look() -> str | None:
        if parent is not None and os.getppid() != parent:
            return "The process that started this one has ended; stopping."
        for process in processes:
            if process.exit_code is not None:
                return (
                    f"The {process.name} ended with exit code {process.exit_code}; "
                    "stopping the others."
                )
        return None

    console.say(wait_until(look, "the end of a process", timeout=math.inf, interval=0.2))
    return 1


def _raise_stopped(_number: int, _frame: object) -> None:
    raise Stopped


def _stop_signals() -> tuple[signal.Signals, ...]:
    if sys.platform == "win32":
        return signal.SIGINT, signal.SIGBREAK
    else:  # noqa: RET505 - on Windows nothing may follow, says the check of types
        return signal.SIGINT, signal.SIGTERM


def _ignore_signals() -> None:
    for number in _stop_signals():
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
