"""What the queues of a namespace have to tell it: messages are ready, a deadline is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.broker.timers import Timers

if TYPE_CHECKING:
    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.broker.shelf import Shelf


class Agenda:
    """Shared by all entities of a namespace.

    Attributes:
        deadlines: When each entity's `expire` has something to do, at the earliest.
    """

    __slots__ = ("_ready", "deadlines")

    def __init__(self) -> None:
        self.deadlines: Timers[Intake] = Timers()
        self._ready: dict[Shelf, None] = {}

    def ready(self, queue: Shelf) -> None:
        """A message of the queue became available to receivers."""
        self._ready[queue] = None

    def take_ready(self) -> list[Shelf]:
        """The queues that became ready since the last call."""
        if not self._ready:
            return []
        queues = list(self._ready)
        self._ready.clear()
        return queues

    def remind(self, entity: Intake, when: float) -> None:
        """See that `entity` is asked to expire at `when`, if not before."""
        known = self.deadlines.get(entity)
        if known is None or when < known:
            self.deadlines.set(entity, when)

    def next_change(self) -> float | None:
        """When the earliest of all queues really has something to do.

        `deadlines` may be earlier: what a queue was to be reminded of may have been settled since.
        """
        while (entry := self.deadlines.peek()) is not None:
            queue, reminder = entry
            actual = queue.next_deadline()
            if actual is None:
                self.deadlines.cancel(queue)
            elif actual > reminder:
                self.deadlines.set(queue, actual)
            else:
                return reminder
        return None

    def forget(self, entity: Intake) -> None:
        """The entity is gone."""
        self._ready.pop(entity, None)  # type: ignore[call-overload] # topics are never ready
        self.deadlines.cancel(entity)
