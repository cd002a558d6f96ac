"""A namespace as it was saved: its entities first, then what is in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servicebus_emulator.broker.entities import (
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from servicebus_emulator.broker.queue import Queue

if TYPE_CHECKING:
    from servicebus_emulator.broker.entities import EntityDescription
    from servicebus_emulator.broker.message import Message
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.broker.rules import Rule
    from servicebus_emulator.broker.topic import Topic


@dataclass(frozen=True, slots=True)
class SavedEntity:
    """An entity as it was saved.

    Attributes:
        key: The number under which it was saved; see `journal.PARTS`.
        name: Its own name.
        description: Its properties, whose class says what it is.
        created_at, updated_at: Seconds since the epoch.
        last_sequence_number: Of the message that came last.
        topic: The path of a subscription's topic.
        rules: Those of a subscription.
    """

    key: int
    name: str
    description: EntityDescription
    created_at: float
    updated_at: float
    last_sequence_number: int
    topic: str | None = None
    rules: list[Rule] = field(default_factory=list)


class Restoration:
    """Fills a namespace that is empty.

    Args:
        namespace: Of the entities.
        now: Seconds since the epoch; to be restored is a use of an entity.
    """

    def __init__(self, namespace: Namespace, now: float) -> None:
        self._namespace = namespace
        self._now = now
        self.entities: dict[int, Queue | Topic] = {}

    def add_entity(self, saved: SavedEntity) -> Queue | Topic:
        """Create an entity; topics come before their subscriptions.

        Raises:
            BrokerError: The namespace does not allow it, or its topic is missing.
        """
        entity = self._create(saved)
        entity.created_at = saved.created_at
        entity.restore(saved.updated_at, saved.last_sequence_number)
        self.entities[saved.key] = entity
        return entity

    def add_message(self, key: int, part: int, message: Message) -> None:
        """Put a message into the entity of that key, or into one of its sub-queues.

        Raises:
            KeyError: There is no such entity, or it has no such part.
        """
        entity = self.entities[key]
        if part:
            entity = self._sub_queue(entity, part)
        entity.restore_message(message)

    def _create(self, saved: SavedEntity) -> Queue | Topic:
        match saved.description:
            case QueueDescription() as wanted:
                return self._namespace.create_queue(saved.name, wanted, now=self._now)
            case TopicDescription() as wanted:
                return self._namespace.create_topic(saved.name, wanted, now=self._now)
            case SubscriptionDescription() as wanted:
                return self._create_subscription(saved, wanted)
            case other:
                raise TypeError(f"there is no entity with {type(other).__name__}")

    def _create_subscription(self, saved: SavedEntity, wanted: SubscriptionDescription) -> Queue:
        topic = self._namespace.get_topic(saved.topic or "")
        subscription = topic.create_subscription(saved.name, wanted, now=self._now)
        subscription.restore_rules(saved.rules)
        return subscription

    def _sub_queue(self, entity: Queue | Topic, part: int) -> Queue:
        found = {}
        if isinstance(entity, Queue):
            found = {each.place[1]: each for each in entity.sub_queues()}
        return found[part]
