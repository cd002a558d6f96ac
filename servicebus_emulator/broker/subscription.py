"""A subscription: a queue whose messages are copies of a topic's, selected by rules.

Source: https://learn.microsoft.com/azure/service-bus-messaging/topic-filters
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.broker.errors import (
    ArgumentError,
    EntityAlreadyExists,
    EntityNotFound,
)
from servicebus_emulator.broker.facts import FilterError
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.quotas import check_rule
from servicebus_emulator.broker.rules import DEFAULT_RULE, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from servicebus_emulator.broker.entities import SubscriptionDescription
    from servicebus_emulator.broker.facts import Facts
    from servicebus_emulator.broker.message import Message
    from servicebus_emulator.broker.surroundings import Surroundings

SUBSCRIPTIONS = "Subscriptions"
FILTER_EXCEPTION = "FilterEvaluationException"
RULE_NAME = "RuleName"
"""The application property that names the rule whose action a message went through."""


class Offer:
    """A message that a topic offers to its subscriptions; read once, and only if one asks."""

    def __init__(self, message: Message, surroundings: Surroundings) -> None:
        self.message = message
        self._surroundings = surroundings
        self._facts: Facts | None = None

    @property
    def facts(self) -> Facts:
        """Its properties.

        Raises:
            FilterError: They cannot be read.
        """
        if self._facts is None:
            self._facts = self.fresh_facts()
        return self._facts

    def fresh_facts(self) -> Facts:
        """Its properties, to be changed by an action."""
        return self.message.facts(self._surroundings.new_id)


class Subscription(Queue):
    """A subscription of a topic; it has the rule `$Default` until that is removed.

    Args:
        topic_path: The topic's path.
        name: The subscription's own name.
        description: Its properties.
        surroundings: What it shares with the other entities.
        now: When it was created.

    Attributes:
        rules_of_topic: Gives the rules of all subscriptions of the topic.
    """

    description: SubscriptionDescription

    def __init__(
        self,
        topic_path: str,
        name: str,
        description: SubscriptionDescription,
        surroundings: Surroundings,
        now: float,
    ) -> None:
        super().__init__(f"{topic_path}/{SUBSCRIPTIONS}/{name}", description, surroundings, now)
        self.accessed_at = now  # as the service has it, for subscriptions only
        self.name = name
        self.topic_path = topic_path
        self._rules: dict[str, Rule] = {}
        self._is_created = False
        self.rules_of_topic: Callable[[], Iterable[Rule]] = tuple
        self._put(Rule(DEFAULT_RULE, created_at=now))

    @property
    def rules(self) -> list[Rule]:
        """The rules, by name."""
        return [self._rules[key] for key in sorted(self._rules)]

    def get_rule(self, name: str) -> Rule:
        """The rule of that name.

        Raises:
            EntityNotFound: There is none.
        """
        rule = self._rules.get(name.casefold())
        if rule is None:
            raise EntityNotFound(f"{self.path}/Rules/{name}")
        return rule

    def note_creation(self) -> None:
        """The topic has taken it in, with the rules that it has now."""
        self._is_created = True
        self._note_change()

    def restore_rules(self, rules: Iterable[Rule]) -> None:
        """Select by these rules, which were saved."""
        self._rules = {rule.name.casefold(): rule for rule in rules}
        self._note_rules()

    def add_rule(self, rule: Rule, now: float) -> None:
        """Select by one more rule; messages that are here stay.

        Raises:
            EntityAlreadyExists: There is one of that name.
            ArgumentError: The name breaks a rule.
            QuotaExceeded: The topic has as many filters as it may.
        """
        rule.validate()
        if rule.name.casefold() in self._rules:
            raise EntityAlreadyExists(f"{self.path}/Rules/{rule.name}")
        check_rule(rule, self.rules_of_topic(), self.limits)
        self._put(rule)
        self.touch(now)

    def replace_rule(self, rule: Rule, now: float) -> None:
        """Put a rule in the place of the one of that name.

        Raises:
            EntityNotFound: There is none.
            QuotaExceeded: The topic has as many filters of another kind as it may.
        """
        old = self.get_rule(rule.name)
        others = (each for each in self.rules_of_topic() if each is not old)
        check_rule(rule, others, self.limits)
        self._put(rule)
        self.touch(now)

    def remove_rule(self, name: str, now: float) -> None:
        """Select by one rule less; without any, nothing is selected.

        Raises:
            EntityNotFound: There is none of that name.
        """
        self.get_rule(name)
        del self._rules[name.casefold()]
        self._note_rules()
        self.touch(now)

    def offer(self, offer: Offer, now: float) -> None:
        """Take what the rules select of a message that came to the topic.

        Rules without action select once together; each rule with an action makes its own copy.
        """
        if self._takes_all:
            self._enqueue(offer.message.copy(), now)
            return
        try:
            copies = self._select(offer)
        except FilterError as fault:
            self._admit_failed(offer.message, fault, now)
            return
        for message in copies:
            self._enqueue(message, now)

    def _select(self, offer: Offer) -> list[Message]:
        copies = []
        if any(rule.action is None and rule.filter.selects(offer.facts) for rule in self.rules):
            copies.append(offer.message.copy())
        for rule in self.rules:
            if rule.action is not None and rule.filter.selects(offer.facts):
                facts = offer.fresh_facts()
                rule.action.apply(facts)
                facts.set(RULE_NAME, rule.name, system=False)
                copies.append(_changed(offer.message.copy(), facts))
        return copies

    def _admit_failed(self, message: Message, fault: FilterError, now: float) -> None:
        if self.description.dead_lettering_on_filter_evaluation_exceptions:
            copy = message.copy()
            self._number(copy, now)
            self._store.add(copy)
            self._bury(copy, now, FILTER_EXCEPTION, str(fault))

    def _check_admission(self, _messages: Sequence[Message]) -> None:
        raise ArgumentError(
            f"Messages come into '{self.path}' from its topic; none can be sent to it."
        )

    def _put(self, rule: Rule) -> None:
        self._rules[rule.name.casefold()] = rule
        self._note_rules()

    def _note_rules(self) -> None:
        if self._is_created:
            self._note_change()
        rules = self._rules.values()
        self._takes_all = any(rule.is_plain for rule in rules) and not any(
            rule.action for rule in rules
        )


def _changed(message: Message, facts: Facts) -> Message:
    """Note on a copy what an action has changed."""
    message.properties_to_modify.update(facts.user_changes)
    if facts.system_changes:
        message.system_changes = {**(message.system_changes or {}), **facts.system_changes}
        session = facts.system("SessionId")
        message.session_id = session if isinstance(session, str) else None
        message.message_id = str(facts.system("MessageId") or message.message_id)
    return message
