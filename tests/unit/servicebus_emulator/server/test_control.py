import json

import pytest

from servicebus_emulator import OffsetClock, ServiceBusEmulator
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.errors import EntityNotFound
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.rules import BooleanFilter, Rule

CONFIG = {
    "Name": "n",
    "Queues": [{"Name": "orders", "Properties": {"MaxDeliveryCount": 3}}],
    "Topics": [
        {
            "Name": "news",
            "Subscriptions": [
                {"Name": "all"},
                {
                    "Name": "big",
                    "Rules": [
                        {
                            "Name": "size",
                            "Properties": {
                                "FilterType": "Sql",
                                "SqlFilter": {"SqlExpression": "size > 3"},
                            },
                        }
                    ],
                },
            ],
        }
    ],
}


@pytest.fixture
def emulator() -> ServiceBusEmulator:
    config = json.dumps({"UserConfig": {"Namespaces": [CONFIG]}})
    return ServiceBusEmulator(config=config, queues=["plain"])


def paths(emulator: ServiceBusEmulator) -> list[str]:
    return [entity["path"] for entity in emulator.control.entities()]


START = ["orders", "plain", "news", "news/Subscriptions/all", "news/Subscriptions/big"]


def test_a_reset_removes_all_messages_and_numbers_anew(emulator: ServiceBusEmulator) -> None:
    queue = emulator.namespace.get_queue("plain")
    now = emulator.clock.now()
    for name in ("a", "b", "c"):
        queue.send(Message(name, b"", 1), now)
    queue.send(Message("later", b"", 1, scheduled_enqueue_time=now + 9), now)
    locked = queue.receive(ReceiveMode.PEEK_LOCK, now)
    assert locked is not None
    assert locked.lock is not None
    queue.dead_letter(locked.lock.token, now)
    queue.receive(ReceiveMode.PEEK_LOCK, now)
    emulator.control.reset()
    after = Message("d", b"", 1)
    queue.send(after, now)

    assert emulator.namespace.get_queue("plain") is queue
    assert (queue.counts(now).total, after.sequence_number) == (1, 1)
    assert queue.receive(ReceiveMode.PEEK_LOCK, now) is after
    assert (queue.locked_count, emulator.control.clock_document()["next_change_in"]) != (0, None)


def test_a_reset_leads_back_to_the_entities_of_the_start(emulator: ServiceBusEmulator) -> None:
    namespace, now = emulator.namespace, emulator.clock.now()
    news = namespace.get_topic("news")
    namespace.delete_queue("plain")
    namespace.update_queue("orders", QueueDescription(max_delivery_count=9), now=now)
    emulator.create_queue("more")
    emulator.create_topic("more-news", ["all"])
    emulator.control.reset()

    assert paths(emulator) == START
    assert namespace.get_queue("orders").description.max_delivery_count == 3
    assert namespace.get_topic("news") is news


@pytest.mark.parametrize("change", ["subscription", "rule", "default rule", "filter", "topic"])
def test_a_topic_that_was_changed_is_made_anew(emulator: ServiceBusEmulator, change: str) -> None:
    namespace, now = emulator.namespace, emulator.clock.now()
    news = namespace.get_topic("news")
    if change == "subscription":
        news.create_subscription("more", now=now)
    elif change == "rule":
        news.get_subscription("big").add_rule(Rule("more"), now)
    elif change == "default rule":
        news.get_subscription("all").add_rule(Rule("more"), now)
    elif change == "filter":
        news.get_subscription("big").remove_rule("size", now)
        news.get_subscription("big").add_rule(Rule("size", BooleanFilter()), now)
    else:
        namespace.delete_topic("news")
    emulator.control.reset()
    again = namespace.get_topic("news")

    assert again is not news
    assert [rule.name for rule in again.get_subscription("big").rules] == ["size"]


def test_a_reset_may_leave_entities_as_they_are(emulator: ServiceBusEmulator) -> None:
    emulator.create_queue("more")
    emulator.namespace.delete_queue("plain")
    emulator.namespace.get_queue("more").send(Message("a", b"", 1), emulator.clock.now())
    emulator.control.reset(keep_entities=True)

    assert "more" in paths(emulator)
    assert "plain" not in paths(emulator)
    assert emulator.control.messages("more") == []


def test_a_reset_mends_faults_and_the_clock(emulator: ServiceBusEmulator) -> None:
    assert isinstance(emulator.clock, OffsetClock)
    emulator.control.inject("send", "refuse")
    emulator.control.advance(3600)
    emulator.control.freeze()
    emulator.control.reset()

    assert (emulator.control.faults(), emulator.clock.frozen) == ([], False)
    assert emulator.clock.seconds_until(emulator.clock.now() + 60) is not None  # it runs


def test_one_queue_is_purged_alone(emulator: ServiceBusEmulator) -> None:
    now = emulator.clock.now()
    for name in ("orders", "plain"):
        emulator.namespace.get_queue(name).send(Message("a", b"", 1), now)
    emulator.control.purge("plain")

    assert len(emulator.control.messages("orders")) == 1
    assert emulator.control.messages("plain") == []


def test_an_entity_that_is_not_there_has_no_messages(emulator: ServiceBusEmulator) -> None:
    with pytest.raises(EntityNotFound):
        emulator.control.messages("nothing")


def test_without_clients_there_are_no_connections(emulator: ServiceBusEmulator) -> None:
    assert emulator.control.connections() == []
