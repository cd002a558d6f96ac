"""A topic: each message that is sent to it becomes one in every subscription that selects it.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-queues-topics-subscriptions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.broker.entities import (
    QueueCounts,
    SubscriptionDescription,
    TopicDescription,
    check_part_name,
)
from servicebus_emulator.broker.errors import EntityAlreadyExists, EntityNotFound, QuotaExceeded
from servicebus_emulator.broker.intake import Intake
from servicebus_emulator.broker.quotas import check_description
from servicebus_emulator.broker.subscription import SUBSCRIPTIONS, Offer, Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicebus_emulator.broker.message import Message
    from servicebus_emulator.broker.rules import Rule
    from servicebus_emulator.broker.surroundings import Surroundings


class Topic(Intake):
    """A topic with its subscriptions; it keeps scheduled messages only."""

    description: TopicDescription

    def __init__(
        self, path: str, description: TopicDescription, surroundings: Surroundings, now: float
    ) -> None:
        super().__init__(path, description, surroundings, now)
        self._subscriptions: dict[str, Subscription] = {}

    def __repr__(self) -> str:
        return f"<Topic {self.path!r} with {len(self._subscriptions)} subscriptions>"

    def create_subscription(
        self,
        name: str,
        description: SubscriptionDescription | None = None,
        *,
        now: float,
        default_rule: Rule | None = None,
    ) -> Subscription:
        """Create a subscription, which gets the messages that are sent from now on.

        Args:
            name: Its name.
            description: Its properties.
            now: Seconds since the epoch.
            default_rule: The rule to begin with, in place of the one that selects everything.

        Raises:
            EntityAlreadyExists: There is one of that name.
            ArgumentError: The name or a property breaks a rule.
            OperationNotSupported: A property asks for what this emulator cannot do yet.
            QuotaExceeded: The topic has as many subscriptions as it may.
        """
        description = description or SubscriptionDescription()
        check_part_name(name)
        description.validate()
        check_description(description, self.limits)
        if default_rule is not None:
            default_rule.validate()
        key, most = name.casefold(), self._surroundings.limits.max_subscriptions
        if key in self._subscriptions:
            raise EntityAlreadyExists(f"{self.path}/{SUBSCRIPTIONS}/{name}")
        if most is not None and len(self._subscriptions) >= most:
            raise QuotaExceeded(f"The topic '{self.path}' has at most {most} subscriptions.")
        subscription = Subscription(self.path, name, description, self._surroundings, now)
        subscription.rules_of_topic = self._rules
        if default_rule is not None:
            subscription.remove_rule("$Default", now)
            subscription.add_rule(default_rule, now)
        self._subscriptions[key] = subscription
        subscription.note_creation()
        subscription.touch(now)
        self.touch(now)
        return subscription

    def get_subscription(self, name: str) -> Subscription:
        """The subscription of that name.

        Raises:
            EntityNotFound: There is none.
        """
        subscription = self._subscriptions.get(name.casefold())
        if subscription is None:
            raise EntityNotFound(f"{self.path}/{SUBSCRIPTIONS}/{name}")
        return subscription

    def update_subscription(
        self, name: str, description: SubscriptionDescription, *, now: float
    ) -> Subscription:
        """Give a subscription other properties.

        Raises:
            EntityNotFound: There is none of that name.
            ArgumentError: A property breaks a rule, or is fixed at creation.
        """
        subscription = self.get_subscription(name)
        description.check_change(subscription.description)
        check_description(description, self.limits)
        subscription.update(description, now)
        return subscription

    def remove_subscription(self, subscription: Subscription, now: float) -> None:
        """Remove a subscription with its messages; it may be gone already."""
        if self._subscriptions.pop(subscription.name.casefold(), None) is not None:
            self.touch(now)

    @property
    def subscriptions(self) -> list[Subscription]:
        """The subscriptions, by name."""
        return [self._subscriptions[key] for key in sorted(self._subscriptions)]

    def _rules(self) -> Iterator[Rule]:
        return (rule for each in self._subscriptions.values() for rule in each.rules)

    def clear(self) -> None:
        """Remove all messages, those of the subscriptions as well."""
        super().clear()
        for subscription in self._subscriptions.values():
            subscription.clear()

    def counts(self, now: float) -> QueueCounts:
        """The scheduled messages, and the bytes of all messages in the subscriptions."""
        self.expire(now)
        return QueueCounts(0, 0, len(self._store), 0, self._stored_bytes())

    def _enqueue(self, message: Message, now: float) -> None:
        """Offer a message to the subscriptions."""
        self._number(message, now)
        if message.time_to_live is None or message.time_to_live > self._lifetime:
            message.time_to_live = self._lifetime
        if self._throttle is not None:
            self._throttle.note(sum(len(each.rules) for each in self.subscriptions), now)
        self._store.touch()
        offer = Offer(message, self._surroundings)
        for subscription in self._subscriptions.values():
            subscription.offer(offer, now)

    def _stored_bytes(self) -> int:
        held = (each.size_with_dead_letters for each in self._subscriptions.values())
        return self._store.size_in_bytes + sum(held)

    def _is_in_use(self) -> bool:
        return super()._is_in_use() or any(
            subscription.is_held for subscription in self._subscriptions.values()
        )

    def _last_use(self) -> float:
        used = [super()._last_use()]
        used += [subscription.accessed_at for subscription in self._subscriptions.values()]
        return max(used)
