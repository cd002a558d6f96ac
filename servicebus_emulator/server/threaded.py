"""The emulator in a thread of its own, for tests and for programs without an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

from servicebus_emulator.server.emulator import ServiceBusEmulator
from servicebus_emulator.server.threaded_control import ThreadedControl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

    from servicebus_emulator.clock import Clock
    from servicebus_emulator.server.emulator import EmulatorOptions

Result = TypeVar("Result")


class ThreadedEmulator:
    """A Service Bus emulator that runs while the `with` block does; started means ready.

        with ThreadedEmulator(queues=["orders"], clock=OffsetClock()) as emulator:
            client = ServiceBusClient.from_connection_string(emulator.connection_string)

    Takes the options of `ServiceBusEmulator`.

    Attributes:
        control: Moves the clock, lets faults happen; from any thread.
    """

    def __init__(self, **options: Unpack[EmulatorOptions]) -> None:
        self._options = options
        self.control = ThreadedControl(self)
        self._emulator: ServiceBusEmulator | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None

    @property
    def connection_string(self) -> str:
        """Ready to paste into any Service Bus SDK."""
        return self._running.connection_string

    @property
    def port(self) -> int:
        """The port that is really open."""
        return self._running.port

    @property
    def clock(self) -> Clock:
        """The clock that was given; move it from any thread."""
        return self._running.clock

    def write_certificate(self, path: Path) -> None:
        """Write the certificate that the emulator presents to TLS clients, in PEM.

        Raises:
            TlsUnavailableError: `cryptography` is not installed.
        """
        self._running.write_certificate(path)

    def create_queue(self, name: str, **properties: Any) -> None:
        """Create a queue with properties as `QueueDescription` has them (durations in seconds).

        Raises:
            BrokerError: It exists, or a name or property is wrong.
        """
        self.run(lambda emulator: emulator.create_queue(name, **properties))

    def create_topic(self, name: str, subscriptions: Iterable[str] = (), **properties: Any) -> None:
        """Create a topic with properties as `TopicDescription` has them, and subscriptions.

        Raises:
            BrokerError: It exists, or a name or property is wrong.
        """
        self.run(lambda emulator: emulator.create_topic(name, subscriptions, **properties))

    def run(self, function: Callable[[ServiceBusEmulator], Result]) -> Result:
        """Call a function with the emulator, in its thread, and give what it gives.

        The way to look at the namespace, which no other thread may touch.
        """
        emulator, loop = self._running, self._loop
        if loop is None:
            raise RuntimeError("the emulator does not run")

        async def call() -> Result:
            return function(emulator)

        return asyncio.run_coroutine_threadsafe(call(), loop).result()

    def start(self) -> Self:
        """Start; returns when clients are accepted.

        Raises:
            OSError: The port is taken.
            ValueError: An option or the configuration is wrong.
        """
        if self._thread is not None:
            raise RuntimeError("the emulator runs already")
        ready: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(ready,), name="servicebus-emulator", daemon=True
        )
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self._thread.join()
            self._thread = None
            raise
        return self

    def stop(self) -> None:
        """Close all connections and end the thread; harmless when it does not run."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stop is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join()
        self._emulator = None
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def _running(self) -> ServiceBusEmulator:
        if self._emulator is None:
            raise RuntimeError("the emulator does not run")
        return self._emulator

    def _run(self, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as failure:  # noqa: BLE001 (raised again in the thread that waits)
            if ready.done():
                self._failure = failure
            else:
                ready.set_exception(failure)

    async def _serve(self, ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with ServiceBusEmulator(**self._options) as emulator:
            self._emulator = emulator
            ready.set_result(None)
            await self._stop.wait()
