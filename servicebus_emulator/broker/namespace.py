"""A namespace: the entities by their paths, and the next thing that happens in any of them."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, TypeVar

from servicebus_emulator.broker.entities import (
    DEAD_LETTER_SUFFIX,
    TRANSFER_SUFFIX,
    IntakeDescription,
    OutletDescription,
    QueueDescription,
    TopicDescription,
    check_name,
    entity_path,
)
from servicebus_emulator.broker.errors import (
    ArgumentError,
    EntityAlreadyExists,
    EntityNotFound,
    OperationNotAllowed,
    QuotaExceeded,
)
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.quotas import check_description, partitioned
from servicebus_emulator.broker.subscription import SUBSCRIPTIONS, Subscription
from servicebus_emulator.broker.surroundings import Surroundings
from servicebus_emulator.broker.throttle import MANAGEMENT_COST, Throttle
from servicebus_emulator.broker.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.broker.access import AccessKey
    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.broker.journal import Journal

_DEAD_LETTER_ENDING = f"/{DEAD_LETTER_SUFFIX}".casefold()
_TRANSFER_ENDING = f"/{TRANSFER_SUFFIX}".casefold()
_SUBSCRIPTIONS_PART = f"/{SUBSCRIPTIONS}/".casefold()
_Kind = TypeVar("_Kind", Queue, Topic)


class Namespace:
    """The entities of one Service Bus namespace; names differ by more than upper and lower case.

    Args:
        new_lock_token: Makes the name of a lock; never the same twice.
        limits: What the namespace allows.
        name: What it calls itself.
        journal: Remembers what is to be saved; None when nothing is.
        now: When it was created, in seconds since the epoch.

    Attributes:
        removals: How many entities have been removed so far.
        access_keys: Its shared access policies, by name.
        next_deadline: Tells when `expire` wants to be called, at the latest; None when nothing is
            pending.
        take_ready: Gives the queues in which messages became available to receivers since it was
            called last.
    """

    def __init__(
        self,
        new_lock_token: Callable[[], UUID],
        *,
        limits: Limits | None = None,
        name: str = "sbemulatorns",
        journal: Journal | None = None,
        now: float = 0.0,
    ) -> None:
        self.name = name
        self.created_at = now
        self.removals = 0
        self.access_keys: dict[str, AccessKey] = {}
        limits = limits or Limits()
        rate = limits.credits_per_second
        throttle = None if rate is None else Throttle(rate)
        self._surroundings = Surroundings(new_lock_token, limits, throttle, journal)
        self._surroundings.find = self.resolve
        self._agenda = self._surroundings.agenda
        self.next_deadline = self._agenda.deadlines.next
        self.take_ready = self._agenda.take_ready
        self._entities: dict[str, Queue | Topic] = {}

    @property
    def limits(self) -> Limits:
        """What the namespace allows."""
        return self._surroundings.limits

    def count_management(self, now: float) -> None:
        """Count an operation on entities or rules.

        Raises:
            ServerBusy: There have been too many operations in this second.
        """
        if (throttle := self._surroundings.throttle) is not None:
            throttle.admit(MANAGEMENT_COST, now)

    def new_key(self) -> str:
        """A key for a shared access policy that comes without: 256 bits in base64."""
        new_id = self._surroundings.new_id
        return b64encode(new_id().bytes + new_id().bytes).decode()

    def put_policy(self, policy: AccessKey) -> None:
        """Have a shared access policy, in the place of the one of that name if there is one."""
        self.access_keys[policy.name] = policy
        self._note_policies()

    def remove_policy(self, name: str) -> None:
        """Have one shared access policy less."""
        del self.access_keys[name]
        self._note_policies()

    def _note_policies(self) -> None:
        if (journal := self._surroundings.journal) is not None:
            journal.policies = self.access_keys

    def policies_of(self, name: str) -> tuple[AccessKey, ...]:
        """The policies of the queue or topic of that name; none when there is no such entity."""
        entity = self._entities.get(name.casefold())
        description = None if entity is None else entity.description
        return description.authorization_rules if isinstance(description, IntakeDescription) else ()

    def policies_at(self, path: str) -> tuple[AccessKey, ...]:
        """The policies of the queue or topic that `path` names, or else lies below."""
        while path and path.casefold() not in self._entities:
            path = path.rpartition("/")[0]
        return self.policies_of(path)

    def create_queue(
        self, name: str, description: QueueDescription | None = None, *, now: float
    ) -> Queue:
        """Create a queue with its dead-letter queue.

        Raises:
            EntityAlreadyExists: There is an entity of that name.
            ArgumentError: The name or a property breaks a rule.
            QuotaExceeded: The namespace has as many entities as it may.
        """
        description = description or QueueDescription()
        self._check_creation(name, description)
        description = partitioned(description, self.limits)
        return self._add(Queue(name, description, self._surroundings, now))

    def create_topic(
        self, name: str, description: TopicDescription | None = None, *, now: float
    ) -> Topic:
        """Create a topic, without subscriptions.

        Raises:
            BrokerError: As `create_queue` does.
        """
        description = description or TopicDescription()
        self._check_creation(name, description)
        description = partitioned(description, self.limits)
        return self._add(Topic(name, description, self._surroundings, now))

    def get_entity(self, name: str) -> Queue | Topic:
        """The queue or topic of that name.

        Raises:
            EntityNotFound: There is none.
        """
        entity = self._entities.get(name.casefold())
        if entity is None:
            raise EntityNotFound(name)
        return entity

    def get_queue(self, name: str) -> Queue:
        """The queue of that name.

        Raises:
            EntityNotFound: There is none.
        """
        return self._get(name, Queue)

    def get_topic(self, name: str) -> Topic:
        """The topic of that name.

        Raises:
            EntityNotFound: There is none.
        """
        return self._get(name, Topic)

    def get_subscription(self, topic: str, name: str) -> Subscription:
        """A topic's subscription.

        Raises:
            EntityNotFound: There is no such topic or no such subscription.
        """
        return self.get_topic(topic).get_subscription(name)

    def resolve(self, path: str) -> Queue | Topic:
        """The entity of that path: `orders`, `news/Subscriptions/all`, or a dead-letter queue.

        Raises:
            EntityNotFound: There is none.
        """
        key = path.casefold()
        entity = self._entities.get(key)
        if entity is not None:
            return entity
        if key.endswith(_DEAD_LETTER_ENDING):
            is_transfer = key.endswith(_TRANSFER_ENDING)
            ending = _TRANSFER_ENDING if is_transfer else _DEAD_LETTER_ENDING
            owner = self.resolve(path[: -len(ending)])
            if isinstance(owner, Queue):
                found = owner.transfer_dead_letter_queue if is_transfer else owner.dead_letter_queue
                if found is not None:
                    return found
        elif _SUBSCRIPTIONS_PART in key:
            topic, _, name = key.rpartition(_SUBSCRIPTIONS_PART)
            holder = self._entities.get(topic)
            if isinstance(holder, Topic):
                return holder.get_subscription(name)
        raise EntityNotFound(path)

    def resolve_queue(self, path: str) -> Queue:
        """What messages can be received from: a queue, a subscription or a dead-letter queue.

        Raises:
            EntityNotFound: There is none of that path.
            OperationNotAllowed: It is a topic.
        """
        entity = self.resolve(path)
        if isinstance(entity, Topic):
            raise OperationNotAllowed(
                f"'{entity.path}' is a topic: messages are received from its subscriptions."
            )
        return entity

    def check_forwarding(self, path: str, description: OutletDescription) -> None:
        """See that the entities exist that an entity is to forward to.

        It may be the entity itself: the service takes that, and messages end after four hops.

        Raises:
            ArgumentError: One does not.
        """
        for target in (description.forward_to, description.forward_dead_lettered_messages_to):
            if target is None:
                continue
            try:
                self.resolve(entity_path(target))
            except EntityNotFound as missing:
                raise ArgumentError(f"'{path}' cannot forward: {missing}") from missing

    def list_queues(self, skip: int = 0, top: int | None = None) -> list[Queue]:
        """Queues in the order of their names, from the `skip`-th on, at most `top`."""
        return self._list(Queue, skip, top)

    def list_topics(self, skip: int = 0, top: int | None = None) -> list[Topic]:
        """Topics in the order of their names, from the `skip`-th on, at most `top`."""
        return self._list(Topic, skip, top)

    def update_queue(self, name: str, description: QueueDescription, *, now: float) -> Queue:
        """Give a queue other properties.

        Raises:
            EntityNotFound: There is none of that name.
            ArgumentError: A property breaks a rule, or is fixed at creation.
        """
        queue = self.get_queue(name)
        description.check_change(queue.description)
        check_description(description, self.limits)
        queue.update(description, now)
        return queue

    def update_topic(self, name: str, description: TopicDescription, *, now: float) -> Topic:
        """Give a topic other properties.

        Raises:
            BrokerError: As `update_queue` does.
        """
        topic = self.get_topic(name)
        description.check_change(topic.description)
        check_description(description, self.limits)
        topic.update(description, now)
        return topic

    def delete_queue(self, name: str) -> Queue:
        """Remove a queue and its messages; return it, for whoever has links to it.

        Raises:
            EntityNotFound: There is none of that name.
        """
        queue = self.get_queue(name)
        self._remove(queue)
        return queue

    def delete_topic(self, name: str) -> Topic:
        """Remove a topic with its subscriptions and their messages.

        Raises:
            EntityNotFound: There is none of that name.
        """
        topic = self.get_topic(name)
        self._remove(topic)
        return topic

    def delete_subscription(self, topic: str, name: str, *, now: float) -> None:
        """Remove a subscription and its messages.

        Raises:
            EntityNotFound: There is no such topic or no such subscription.
        """
        owner = self.get_topic(topic)
        subscription = owner.get_subscription(name)
        owner.remove_subscription(subscription, now)
        self._remove(subscription)

    def expire(self, now: float) -> None:
        """Let every entity do what has become due; remove those that nobody has used."""
        while (entity := self._agenda.deadlines.pop_due(now)) is not None:
            entity.expire(now)
            idle_at = entity.idle_at()
            if idle_at is not None and idle_at <= now:
                self._remove_idle(entity, now)
            elif (when := entity.next_deadline()) is not None:
                self._agenda.remind(entity, when)

    def next_change(self) -> float | None:
        """When `expire` really has something to do: what to move a clock to.

        Dearer than to ask for `next_deadline`, which may be earlier.
        """
        return self._agenda.next_change()

    def _get(self, name: str, kind: type[_Kind]) -> _Kind:
        entity = self._entities.get(name.casefold())
        if not isinstance(entity, kind):
            raise EntityNotFound(name)
        return entity

    def _list(self, kind: type[_Kind], skip: int, top: int | None) -> list[_Kind]:
        found = [entity for entity in self._entities.values() if isinstance(entity, kind)]
        found.sort(key=lambda entity: entity.path.casefold())
        return found[skip:] if top is None else found[skip : skip + top]

    def _check_creation(self, name: str, description: QueueDescription | TopicDescription) -> None:
        check_name(name)
        description.validate()
        check_description(description, self.limits)
        if name.casefold() in self._entities:
            raise EntityAlreadyExists(name)
        most = self.limits.max_entities
        if most is not None and len(self._entities) >= most:
            raise QuotaExceeded(f"The namespace holds at most {most} entities.")

    def _add(self, entity: _Kind) -> _Kind:
        self._entities[entity.path.casefold()] = entity
        if (journal := self._surroundings.journal) is not None:
            journal.note_entity(entity)
        entity.note_idleness()
        return entity

    def _remove(self, entity: Intake) -> None:
        """Forget an entity and all that belongs to it."""
        self.removals += 1
        self._entities.pop(entity.path.casefold(), None)
        self._agenda.forget(entity)
        if (journal := self._surroundings.journal) is not None:
            journal.note_removal(entity)
        for subscription in entity.subscriptions if isinstance(entity, Topic) else ():
            self._remove(subscription)
        for each in entity.sub_queues() if isinstance(entity, Queue) else ():
            self._agenda.forget(each)

    def _remove_idle(self, entity: Intake, now: float) -> None:
        if isinstance(entity, Subscription):
            self.get_topic(entity.topic_path).remove_subscription(entity, now)
        self._remove(entity)
