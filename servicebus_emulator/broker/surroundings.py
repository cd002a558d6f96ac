"""What the entities of a namespace share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servicebus_emulator.broker.agenda import Agenda
from servicebus_emulator.broker.errors import EntityNotFound
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.plain_data import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.broker.journal import Journal
    from servicebus_emulator.broker.throttle import Throttle


def _nowhere(path: str) -> Intake:
    raise EntityNotFound(path)


@dataclass(slots=True, eq=False, repr=False)
class Surroundings(Record):
    """The namespace as its entities see it.

    Attributes:
        new_id: Makes the name of a lock or a message; never the same twice.
        limits: What the namespace allows.
        journal: Remembers what is to be saved; None where nothing is.
        throttle: Counts operations; None where they are not limited.
        agenda: Where readiness and deadlines are told.
        find: The entity of a path, for messages that are forwarded; raises EntityNotFound.
    """

    new_id: Callable[[], UUID]
    limits: Limits = field(default_factory=Limits)
    throttle: Throttle | None = None
    journal: Journal | None = None
    agenda: Agenda = field(default_factory=Agenda)
    find: Callable[[str], Intake] = _nowhere
