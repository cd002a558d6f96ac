"""A transaction: what is sent and settled in it happens when it is committed, all or nothing.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-transactions, and the
quotas there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.broker.errors import MessageLockLost, QuotaExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.broker.message import Message
    from servicebus_emulator.broker.outlet import Outlet

MOST_OPERATIONS = 100


class Transaction:
    """The work of one transaction.

    A lock runs on meanwhile: when one has ended, nothing of the transaction happens.
    """

    __slots__ = ("_operations", "_sent", "_settled")

    def __init__(self) -> None:
        self._operations = 0
        self._sent: dict[Intake, list[Message]] = {}
        self._settled: dict[UUID, tuple[Outlet, Callable[[float], object]]] = {}

    def send(self, entity: Intake, messages: Sequence[Message], now: float) -> None:
        """Send messages with the commit, if they could be sent now.

        Raises:
            BrokerError: They could not, or there is too much in the transaction.
        """
        self._count(len(messages))
        entity.throttle(len(messages), now)
        together = [*self._sent.get(entity, ()), *messages]
        entity.check_admission(together, now)
        self._sent[entity] = together

    def settle(
        self, outlet: Outlet, token: UUID, act: Callable[[float], object], now: float
    ) -> None:
        """Settle a message with the commit, if it could be settled now.

        Args:
            outlet: Where the message is.
            token: Its lock.
            act: Settles it at a time.
            now: Seconds since the epoch.

        Raises:
            BrokerError: It could not, or there is too much in the transaction.
        """
        if token in self._settled:
            raise MessageLockLost
        outlet.check_lock(token, now)
        self._count(1)
        self._settled[token] = outlet, act

    def commit(self, now: float) -> None:
        """Let everything happen.

        Raises:
            BrokerError: Something cannot happen any more, so nothing has.
        """
        for token, (outlet, _) in self._settled.items():
            outlet.check_lock(token, now)
        for entity, messages in self._sent.items():
            entity.check_admission(messages, now)
        for _, act in self._settled.values():
            act(now)
        for entity, messages in self._sent.items():
            entity.take(messages, now)

    def _count(self, operations: int) -> None:
        if self._operations + operations > MOST_OPERATIONS:
            raise QuotaExceeded(f"A transaction has at most {MOST_OPERATIONS} operations.")
        self._operations += operations
