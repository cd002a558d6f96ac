"""A world in which things go wrong, with one client."""

import random
from collections.abc import Callable
from typing import Any

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.outcomes import Rejected
from servicebus_emulator.control.fault_desk import FaultDesk
from servicebus_emulator.control.faults import Fault, Injected
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body


def new_chance(seed: int | None) -> Callable[[], float]:
    return random.Random(seed).random


class Desk:
    """A world in which things go wrong, with one client."""

    def __init__(self) -> None:
        self.world = World(orders={}, invoices={})
        self.desk = FaultDesk(self.world.container, self.world.namespace, new_chance)
        self.client = Client(self.world)

    def inject(self, operation: str, action: str, **fields: Any) -> Injected:
        injected = self.desk.add(Fault(operation, action, **fields), self.world.now)
        self.world.turn()
        return injected

    def active(self, queue: str = "orders") -> int:
        return self.world.queue(queue).counts(self.world.now).active

    def conditions(self) -> list[str | None]:
        """The conditions with which deliveries of the client were rejected; None for accepted."""
        outcomes = self.client.outcomes()
        errors = [outcome.error if isinstance(outcome, Rejected) else None for outcome in outcomes]
        return [error.condition if error else None for error in errors]

    def receive(self, credit: int = 1) -> events.DeliveryReceived:
        """A message that the client has received."""
        other = Client(self.world)
        other.send(other.sender(), body("a"))
        self.client.receiver(credit=credit)
        return self.client.deliveries()[0]


def answer_of(answer: object) -> str | None:
    assert isinstance(answer, Rejected)
    return answer.error.condition if answer.error else None
