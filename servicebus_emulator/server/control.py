"""The emulator's control panel: its clock and its faults, the same for Python and for HTTP."""

from __future__ import annotations

import contextlib
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from servicebus_emulator.clock import MovableClock, OffsetClock
from servicebus_emulator.control.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.clock import Clock
    from servicebus_emulator.control.fault_desk import FaultDesk
    from servicebus_emulator.control.faults import Fault, Injected
    from servicebus_emulator.control.wire_faults import Wire
    from servicebus_emulator.nodes.container import Container
    from servicebus_emulator.server.blueprint import Blueprint
    from servicebus_emulator.server.engine import Engine

_END_OF_CALENDARS = datetime.max.replace(tzinfo=UTC).timestamp()


class Control:
    """What can be done to an emulator from outside of it.

    Call it in the emulator's thread; `ThreadedEmulator.control` is the same for all others.

    Args:
        container: Whose clients suffer from faults.
        namespace: Its entities.
        blueprint: What a reset leads back to.
        clock: The broker's time.
        engine: Gives the engine while the emulator runs, None otherwise.
    """

    def __init__(
        self,
        container: Container,
        namespace: Namespace,
        blueprint: Blueprint,
        clock: Clock,
        engine: Callable[[], Engine | None],
    ) -> None:
        self._container = container
        self._namespace = namespace
        self._blueprint = blueprint
        self._clock = clock
        self._engine = engine
        self._desk: FaultDesk | None = None

    # -- the clock -------------------------------------------------------------------------------

    def now(self) -> float:
        """The broker's time, seconds since the epoch, UTC."""
        return self._clock.now()

    def freeze(self) -> None:
        """Stop the clock: it moves by `advance` only.

        Raises:
            ControlError: The emulator was given a clock that cannot be frozen.
        """
        self._freezable().freeze()
        self._wake()

    def unfreeze(self) -> None:
        """Let the clock run on from where it stands.

        Raises:
            ControlError: The emulator was given a clock that cannot be frozen.
        """
        self._freezable().unfreeze()
        self._wake()

    def advance(self, seconds: float) -> None:
        """Move the clock forward; what became due has happened when this returns.

        A jump is one step: clients have no part in what happens meanwhile.

        Raises:
            ControlError: The emulator was given a clock that cannot be moved.
            ValueError: `seconds` is negative, or leads beyond the year 9999.
        """
        if not isinstance(self._clock, MovableClock):
            raise ControlError("This emulator runs by a clock that cannot be moved.")
        if self._clock.now() + seconds > _END_OF_CALENDARS:
            raise ValueError("a clock does not go beyond the year 9999")
        self._clock.advance(seconds)
        self._wake()

    def advance_to_next(self) -> float | None:
        """Move the clock to the next thing that happens without any client's doing.

        A lock or a life ends, a scheduled message becomes active, an idle link is detached.

        Returns:
            Seconds moved; None, and the clock stays, when nothing is to happen.

        Raises:
            ControlError: The emulator was given a clock that cannot be moved.
        """
        deadline = self._container.next_change()
        if deadline is None:
            return None
        seconds = max(0.0, deadline - self._clock.now())
        self.advance(seconds)
        return seconds

    def clock_document(self) -> dict[str, Any]:
        """The clock's state as JSON values."""
        now, deadline = self._clock.now(), self._container.next_change()
        return {
            "now": datetime.fromtimestamp(now, UTC).isoformat(),
            "epoch": now,
            "frozen": self._clock.frozen if isinstance(self._clock, OffsetClock) else False,
            "next_change_in": None if deadline is None else max(0.0, deadline - now),
        }

    # -- faults ----------------------------------------------------------------------------------

    def inject(self, operation: str, action: str, **fields: Any) -> Injected:
        """Put a fault to work; `fields` as `Fault` has them. Its `hits` tell how often it happened.

        Raises:
            ValueError: There is no such fault.
        """
        from servicebus_emulator.control.faults import Fault  # noqa: PLC0415 (rarely wanted)

        return self.inject_fault(Fault(operation, action, **fields))

    def inject_fault(self, fault: Fault) -> Injected:
        """Put a fault to work; one for `now` has happened when this returns."""
        desk = self._fault_desk()
        injected = desk.add(fault, self._clock.now())
        if (engine := self._engine()) is not None:
            if fault.operation in {"frame", "network"}:
                _put_on_wire(engine, desk.wire)
            engine.schedule_turn()
        return injected

    @contextlib.contextmanager
    def fault(self, operation: str, action: str, **fields: Any) -> Iterator[Injected]:
        """Put a fault to work while the `with` block runs.

        Raises:
            ValueError: There is no such fault.
        """
        injected = self.inject(operation, action, **fields)
        try:
            yield injected
        finally:
            self.remove_fault(injected.id)

    def faults(self) -> list[Injected]:
        """All faults, those that will not happen any more included."""
        return [] if self._desk is None else self._desk.all()

    def remove_fault(self, fault_id: int) -> bool:
        """Mend a fault; whether there was one of that number."""
        return self._desk is not None and self._desk.remove(fault_id)

    def clear_faults(self) -> None:
        """Mend all faults; connections that were lost stay lost."""
        if self._desk is not None:
            self._desk.clear()

    def refusal(self, method: str, path: str) -> tuple[int, str] | None:
        """What a fault answers to a request to the management API: a status and a text.

        None when no fault happens to it.
        """
        return None if self._desk is None else self._desk.refusal(method, path)

    # -- inspection ------------------------------------------------------------------------------

    def entities(self) -> list[dict[str, Any]]:
        """Every queue, topic and subscription with its counts, as JSON values."""
        from servicebus_emulator.control import inspection  # noqa: PLC0415 (rarely wanted)

        return inspection.entities(self._namespace, self._clock.now())

    def messages(self, entity: str, first: int = 0, count: int = 100) -> list[dict[str, Any]]:
        """Messages of a queue, subscription or dead-letter queue, as JSON values.

        Args:
            entity: Its path, such as `orders/$deadletterqueue`.
            first: The sequence number to begin with.
            count: At most so many.

        Raises:
            EntityNotFound: There is none of that path.
            OperationNotAllowed: It is a topic, which keeps none.
        """
        from servicebus_emulator.control import inspection  # noqa: PLC0415 (rarely wanted)

        queue = self._namespace.resolve_queue(entity)
        return inspection.messages(queue, self._container.peers, first, count, self._clock.now())

    def connections(self) -> list[dict[str, Any]]:
        """The clients and their links, as JSON values."""
        from servicebus_emulator.control import inspection  # noqa: PLC0415 (rarely wanted)

        return inspection.connections(self._container.peers)

    def purge(self, entity: str) -> None:
        """Remove all messages of a queue, subscription or dead-letter queue.

        Raises:
            EntityNotFound: There is none of that path.
            OperationNotAllowed: It is a topic, which keeps none.
        """
        self._namespace.resolve_queue(entity).clear()
        self._wake()

    def reset(self, *, keep_entities: bool = False) -> None:
        """Begin anew: no messages, no faults, the system's time, the entities of the start.

        Connections stay, and links as far as their entities do.

        Args:
            keep_entities: Leave entities as they are; the messages go all the same.
        """
        if self._desk is not None:
            self._desk.reset()
        if isinstance(self._clock, OffsetClock):
            self._clock.reset()
        self._blueprint.restore(self._namespace, self._clock.now(), keep=keep_entities)
        self._wake()

    # -- inside ----------------------------------------------------------------------------------

    def _fault_desk(self) -> FaultDesk:
        from servicebus_emulator.control.fault_desk import FaultDesk  # noqa: PLC0415

        if self._desk is None:
            self._desk = FaultDesk(self._container, self._namespace, _new_chance)
        return self._desk

    def _freezable(self) -> OffsetClock:
        if not isinstance(self._clock, OffsetClock):
            raise ControlError("This emulator runs by a clock that cannot be frozen.")
        return self._clock

    def _wake(self) -> None:
        engine = self._engine()
        if engine is not None:
            engine.expire()


def _put_on_wire(engine: Engine, faults: Wire) -> None:
    """Let faults happen to bytes, below the trace if there is one."""
    from servicebus_emulator.control.trace import Trace  # noqa: PLC0415 (rarely wanted)

    if isinstance(engine.wire, Trace):
        engine.wire.faults = faults
    else:
        engine.wire = faults


def _new_chance(seed: int | None) -> Callable[[], float]:
    return random.Random(seed).random  # noqa: S311 (tests want it repeatable, nothing secret)
