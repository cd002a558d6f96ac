"""The embedded stack: our Service Bus emulator and Azurite, as two processes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.admin import HttpAdmin
from harness.endpoints import Endpoints
from harness.entities import Entities
from harness.processes import ManagedProcess, start_both
from harness.stopping import Stopping
from harness.storage import Azurite

if TYPE_CHECKING:
    from collections.abc import Callable

_READY = (
    r"Endpoint=sb://127\.0\.0\.1:(?P<port>\d+);SharedAccessKeyName=(?P<name>[^;]+);"
    r"SharedAccessKey=(?P<key>[^;]+);"
)


def describe() -> str:
    """One line for the header of a test run; starts nothing."""
    package = json.loads((Path(__file__).parent / "azurite/package.json").read_text("utf-8"))
    return f"embedded: servicebus_emulator, Azurite {package['dependencies']['azurite']}"


def start_emulator(
    port: int = 0,
    queues: tuple[str, ...] = (),
    sink: Callable[[str], None] | None = None,
    options: tuple[str, ...] = (),
) -> tuple[ManagedProcess, Endpoints]:
    """Start an emulator process and wait until it is ready.

    Args:
        port: 0 for a free one.
        queues: Queues to create.
        sink: Is called with its lines.
        options: Arguments of its command line.

    Returns:
        The process, and its endpoints (which know no storage account yet).
    """
    wanted = [part for queue in queues for part in ("--queue", queue)]
    process = ManagedProcess(
        "emulator",
        [sys.executable, "-m", "servicebus_emulator", "--port", str(port), *wanted, *options],
        sink=sink,
    )
    try:
        ready = process.wait_for_line(_READY)
    except BaseException:
        process.stop()
        raise
    actual = int(ready["port"])
    return process, Endpoints(f"127.0.0.1:{actual}", actual, ready["name"], ready["key"], "")


class EmbeddedStack(Stopping):
    """Both emulators, started at the same time; ready when it is made.

    Args:
        say: Tells the person who waits for a download.
        emulator_port, blob_port: 0 for free ones.
        queues: Queues to create.
        sink_of: Gives, for the name of a process, what is called with its lines.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        emulator_port: int = 0,
        blob_port: int = 0,
        queues: tuple[str, ...] = (),
        sink_of: Callable[[str], Callable[[str], None]] | None = None,
    ) -> None:
        def sink(name: str) -> Callable[[str], None] | None:
            return sink_of(name) if sink_of else None

        def start_azurite() -> tuple[ManagedProcess, Azurite]:
            azurite = Azurite(say, port=blob_port, sink=sink("azurite"))
            return azurite.process, azurite

        (_, self.azurite), (self.emulator, place) = start_both(
            start_azurite, lambda: start_emulator(emulator_port, queues, sink("emulator"))
        )
        self.endpoints = Endpoints(
            place.namespace,
            place.admin_port,
            place.key_name,
            place.key,
            self.azurite.connection_string,
        )
        self.entities = Entities(HttpAdmin(self.endpoints))

    @property
    def processes(self) -> tuple[ManagedProcess, ...]:
        """The two of them."""
        return self.emulator, self.azurite.process

    def stop(self) -> None:
        """End both."""
        for process in self.processes:
            process.stop()
