"""The control panel for other threads than the emulator's."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicebus_emulator.control.faults import Fault, Injected
    from servicebus_emulator.server.control import Control
    from servicebus_emulator.server.threaded import ThreadedEmulator

Result = TypeVar("Result")


class ThreadedControl:
    """Each method does what that of `Control` does, in the emulator's thread, and waits for it."""

    def __init__(self, emulator: ThreadedEmulator) -> None:
        self._emulator = emulator

    def now(self) -> float:
        """The broker's time, seconds since the epoch, UTC."""
        return self._call(lambda control: control.now())

    def freeze(self) -> None:
        """Stop the clock: it moves by `advance` only."""
        self._call(lambda control: control.freeze())

    def unfreeze(self) -> None:
        """Let the clock run on from where it stands."""
        self._call(lambda control: control.unfreeze())

    def advance(self, seconds: float) -> None:
        """Move the clock forward; what became due has happened when this returns."""
        self._call(lambda control: control.advance(seconds))

    def advance_to_next(self) -> float | None:
        """Move the clock to the next thing that happens without any client's doing."""
        return self._call(lambda control: control.advance_to_next())

    def inject(self, operation: str, action: str, **fields: Any) -> Injected:
        """Put a fault to work; `fields` as `Fault` has them. Its `hits` tell how often it happened.

        Raises:
            ValueError: There is no such fault.
        """
        return self._call(lambda control: control.inject(operation, action, **fields))

    def inject_fault(self, fault: Fault) -> Injected:
        """Put a fault to work; one for `now` has happened when this returns."""
        return self._call(lambda control: control.inject_fault(fault))

    @contextlib.contextmanager
    def fault(self, operation: str, action: str, **fields: Any) -> Iterator[Injected]:
        """Put a fault to work while the `with` block runs."""
        injected = self.inject(operation, action, **fields)
        try:
            yield injected
        finally:
            self.remove_fault(injected.id)

    def faults(self) -> list[Injected]:
        """All faults, those that will not happen any more included."""
        return self._call(lambda control: control.faults())

    def remove_fault(self, fault_id: int) -> bool:
        """Mend a fault; whether there was one of that number."""
        return self._call(lambda control: control.remove_fault(fault_id))

    def clear_faults(self) -> None:
        """Mend all faults; connections that were lost stay lost."""
        self._call(lambda control: control.clear_faults())

    def entities(self) -> list[dict[str, Any]]:
        """Every queue, topic and subscription with its counts, as JSON values."""
        return self._call(lambda control: control.entities())

    def messages(self, entity: str, first: int = 0, count: int = 100) -> list[dict[str, Any]]:
        """Messages of a queue, subscription or dead-letter queue, as JSON values.

        Raises:
            EntityNotFound: There is none of that path.
            OperationNotAllowed: It is a topic, which keeps none.
        """
        return self._call(lambda control: control.messages(entity, first, count))

    def connections(self) -> list[dict[str, Any]]:
        """The clients and their links, as JSON values."""
        return self._call(lambda control: control.connections())

    def purge(self, entity: str) -> None:
        """Remove all messages of a queue, subscription or dead-letter queue.

        Raises:
            EntityNotFound: There is none of that path.
            OperationNotAllowed: It is a topic, which keeps none.
        """
        self._call(lambda control: control.purge(entity))

    def reset(self, *, keep_entities: bool = False) -> None:
        """Begin anew: no messages, no faults, the system's time, the entities of the start."""
        self._call(lambda control: control.reset(keep_entities=keep_entities))

    def _call(self, function: Callable[[Control], Result]) -> Result:
        return self._emulator.run(lambda emulator: function(emulator.control))
