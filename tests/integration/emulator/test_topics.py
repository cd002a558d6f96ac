"""Topics, subscriptions and rules with the synchronous SDK."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceiver,
    ServiceBusSender,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import ServiceBusAuthenticationError, ServiceBusError
from azure.servicebus.management import (
    CorrelationRuleFilter,
    ServiceBusAdministrationClient,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)

from servicebus_emulator import OffsetClock, ThreadedEmulator
from tests.integration.emulator.line import LONG, SHORT

IDLE = 600.0


@dataclass
class Desk:
    """A topic with a sender, and the means to read its subscriptions."""

    topic: str
    sender: ServiceBusSender
    open_receiver: Callable[..., ServiceBusReceiver]

    def send(self, *bodies: str, **properties: object) -> None:
        messages = [ServiceBusMessage(body, **properties) for body in bodies]  # type: ignore[arg-type]
        self.sender.send_messages(messages)

    def take(self, subscription: str, count: int, **options: object) -> list[str]:
        """The bodies of the next `count` messages of a subscription, completed."""
        bodies: list[str] = []
        with self.open_receiver(self.topic, subscription, **options) as receiver:
            while len(bodies) < count:
                found = receiver.receive_messages(count - len(bodies), max_wait_time=LONG)
                assert found, f"only {bodies} came"
                for message in found:
                    receiver.complete_message(message)
                bodies += map(str, found)
        return bodies

    def is_silent(self, subscription: str) -> bool:
        with self.open_receiver(self.topic, subscription) as receiver:
            return not receiver.receive_messages(1, max_wait_time=SHORT)


@pytest.fixture
def desk(client: ServiceBusClient, emulator: ThreadedEmulator) -> Iterator[Desk]:
    topic = f"topic-{uuid.uuid4().hex}"
    emulator.create_topic(topic, ["one", "two"])
    with ExitStack() as stack:
        sender = stack.enter_context(client.get_topic_sender(topic))
        yield Desk(topic, sender, client.get_subscription_receiver)


def test_each_subscription_gets_each_message(desk: Desk) -> None:
    desk.send("a", "b")

    assert desk.take("one", 2) == desk.take("two", 2) == ["a", "b"]


def test_a_subscription_has_its_own_dead_letters(client: ServiceBusClient, desk: Desk) -> None:
    desk.send("bad")
    with client.get_subscription_receiver(desk.topic, "one") as receiver:
        [message] = receiver.receive_messages(max_wait_time=LONG)
        receiver.dead_letter_message(message, reason="why", error_description="because")
    dead = ServiceBusSubQueue.DEAD_LETTER
    with client.get_subscription_receiver(desk.topic, "one", sub_queue=dead) as receiver:
        [letter] = receiver.receive_messages(max_wait_time=LONG)
        receiver.complete_message(letter)

    assert (str(letter), letter.dead_letter_reason) == ("bad", "why")
    assert desk.take("two", 1) == ["bad"]


def test_a_message_is_scheduled_for_all_and_can_be_called_back(
    desk: Desk, clock: OffsetClock, client: ServiceBusClient
) -> None:
    later = datetime.fromtimestamp(clock.now(), UTC) + timedelta(hours=1)
    kept, dropped = desk.sender.schedule_messages(
        [ServiceBusMessage("kept"), ServiceBusMessage("dropped")], later
    )
    desk.sender.cancel_scheduled_messages([dropped])
    clock.advance(3601)

    assert kept != dropped
    assert desk.take("one", 1) == desk.take("two", 1) == ["kept"]


def test_rules_select_and_change_what_a_subscription_gets(
    desk: Desk, admin: ServiceBusAdministrationClient
) -> None:
    for name in ("one", "two"):
        admin.delete_rule(desk.topic, name, "$Default")
    admin.create_rule(
        desk.topic,
        "one",
        "red",
        filter=SqlRuleFilter("colour = 'red' AND sys.Label LIKE 'order%'"),
        action=SqlRuleAction("SET shade = colour + '!'; REMOVE colour; SET sys.Label = 'done'"),
    )
    admin.create_rule(
        desk.topic, "two", "blue", filter=CorrelationRuleFilter(properties={"colour": "blue"})
    )
    desk.send("a", subject="order 1", application_properties={"colour": "red"})
    desk.send("b", subject="order 2", application_properties={"colour": "blue"})
    with desk.open_receiver(desk.topic, "one") as receiver:
        [changed] = receiver.receive_messages(max_wait_time=LONG)
        receiver.complete_message(changed)

    assert changed.subject == "done"
    assert changed.application_properties == {b"shade": b"red!", b"RuleName": b"red"}
    assert desk.take("two", 1) == ["b"]
    assert desk.is_silent("one")


def test_times_that_a_rule_sets_arrive(desk: Desk, admin: ServiceBusAdministrationClient) -> None:
    admin.delete_rule(desk.topic, "one", "$Default")
    action = SqlRuleAction(
        "SET came = sys.EnqueuedTimeUtc; SET lasts = @lasts",
        parameters={"@lasts": timedelta(seconds=2)},
    )
    admin.create_rule(desk.topic, "one", "times", filter=TrueRuleFilter(), action=action)
    desk.send("a")
    with desk.open_receiver(desk.topic, "one") as receiver:
        [changed] = receiver.receive_messages(max_wait_time=LONG)
        receiver.complete_message(changed)

    assert changed.enqueued_time_utc is not None
    properties = changed.application_properties
    assert properties is not None
    came = changed.enqueued_time_utc.timestamp() * 1000
    assert properties[b"came"] == pytest.approx(came, rel=0, abs=1)  # rounded one way or the other
    assert properties[b"lasts"] == 20_000_000  # in the ticks of .NET


def test_a_message_that_a_rule_fails_on_is_dead_lettered(
    desk: Desk, admin: ServiceBusAdministrationClient
) -> None:
    admin.delete_rule(desk.topic, "one", "$Default")
    admin.create_rule(desk.topic, "one", "sum", filter=SqlRuleFilter("price + 1 > 5"))
    desk.send("odd", application_properties={"price": "ten"})

    assert desk.take("one", 1, sub_queue=ServiceBusSubQueue.DEAD_LETTER) == ["odd"]


def test_receiving_from_a_topic_is_refused(client: ServiceBusClient, desk: Desk) -> None:
    with (
        pytest.raises(ServiceBusError, match="received from its subscriptions"),
        client.get_queue_receiver(desk.topic),
    ):
        pass


def test_a_missing_subscription_is_not_found(client: ServiceBusClient, desk: Desk) -> None:
    with (
        pytest.raises(ServiceBusAuthenticationError),
        client.get_subscription_receiver(desk.topic, "three"),
    ):
        pass


def test_an_idle_subscription_goes_and_one_with_a_receiver_stays(
    desk: Desk,
    admin: ServiceBusAdministrationClient,
    client: ServiceBusClient,
    clock: OffsetClock,
) -> None:
    for name in ("idle", "busy"):
        admin.create_subscription(desk.topic, name, auto_delete_on_idle=timedelta(seconds=IDLE))
    with client.get_subscription_receiver(desk.topic, "busy") as receiver:
        clock.advance(IDLE + 1)
        desk.send("still here")
        [message] = receiver.receive_messages(max_wait_time=LONG)
        receiver.complete_message(message)
        names = [each.name for each in admin.list_subscriptions(desk.topic)]

    assert names == ["busy", "one", "two"]
