"""The entities that an emulator is started with, and to which a reset leads back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servicebus_emulator.broker.rules import DEFAULT_RULE
from servicebus_emulator.plain_data import Record

if TYPE_CHECKING:
    from servicebus_emulator.admin.config import SubscriptionConfig, TopicConfig
    from servicebus_emulator.broker.access import AccessKey
    from servicebus_emulator.broker.entities import QueueDescription
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.broker.subscription import Subscription
    from servicebus_emulator.broker.topic import Topic


@dataclass(slots=True, eq=False, repr=False)
class Blueprint(Record):
    """Queues, topics and the namespace's access keys, by name."""

    queues: dict[str, QueueDescription] = field(default_factory=dict)
    topics: dict[str, TopicConfig] = field(default_factory=dict)
    access_keys: dict[str, AccessKey] = field(default_factory=dict)

    def build(self, namespace: Namespace, now: float) -> None:
        """Create what is missing.

        Raises:
            BrokerError: A name or property is wrong.
        """
        there = {entity.path for entity in (*namespace.list_queues(), *namespace.list_topics())}
        for name, description in self.queues.items():
            if name not in there:
                namespace.create_queue(name, description, now=now)
        for name, topic in self.topics.items():
            if name not in there:
                _create_topic(namespace, name, topic, now)

    def restore(self, namespace: Namespace, now: float, *, keep: bool) -> None:
        """Remove all messages, and what was created or changed since.

        Args:
            namespace: What is restored.
            now: The broker's time.
            keep: Leave entities as they are; the messages go all the same.
        """
        for queue in namespace.list_queues():
            if keep or self.queues.get(queue.path) == queue.description:
                queue.clear()
            else:
                namespace.delete_queue(queue.path)
        for topic in namespace.list_topics():
            if keep or _is_as_planned(topic, self.topics.get(topic.path)):
                topic.clear()
            else:
                namespace.delete_topic(topic.path)
        if not keep:
            self.build(namespace, now)
            for name in [*namespace.access_keys]:
                namespace.remove_policy(name)
            for policy in self.access_keys.values():
                namespace.put_policy(policy)


def _create_topic(namespace: Namespace, name: str, config: TopicConfig, now: float) -> None:
    topic = namespace.create_topic(name, config.description, now=now)
    for own_name, wanted in config.subscriptions.items():
        subscription = topic.create_subscription(own_name, wanted.description, now=now)
        if wanted.rules:
            subscription.remove_rule(DEFAULT_RULE, now)
        for rule in wanted.rules:
            subscription.add_rule(rule, now)


def _is_as_planned(topic: Topic, plan: TopicConfig | None) -> bool:
    if plan is None or topic.description != plan.description:
        return False
    there = {subscription.name: subscription for subscription in topic.subscriptions}
    return there.keys() == plan.subscriptions.keys() and all(
        _has_plan(there[name], wanted) for name, wanted in plan.subscriptions.items()
    )


def _has_plan(subscription: Subscription, plan: SubscriptionConfig) -> bool:
    if subscription.description != plan.description:
        return False
    if not plan.rules:
        return [rule.name for rule in subscription.rules] == [DEFAULT_RULE]
    there = {rule.name: rule for rule in subscription.rules}
    return there.keys() == {rule.name for rule in plan.rules} and all(
        (there[rule.name].filter, there[rule.name].action) == (rule.filter, rule.action)
        for rule in plan.rules
    )
