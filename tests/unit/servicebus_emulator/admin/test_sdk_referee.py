"""The real admin client judges the operations on queues; only the wire is missing."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.servicebus.management import (
    AccessRights,
    AuthorizationRule,
    EntityStatus,
    ServiceBusAdministrationClient,
)

from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from tests.unit.servicebus_emulator.admin.sdk_client import NOW


def test_a_queue_comes_back_as_it_was_created(client: ServiceBusAdministrationClient) -> None:
    created = client.create_queue(
        "orders/new",
        lock_duration=timedelta(seconds=7),
        max_delivery_count=3,
        default_message_time_to_live=timedelta(hours=1),
        dead_lettering_on_message_expiration=True,
        user_metadata="<& ü",
    )
    found = client.get_queue("orders/new")

    assert found.name == created.name == "orders/new"
    assert found.lock_duration == timedelta(seconds=7)
    assert found.max_delivery_count == 3
    assert found.default_message_time_to_live == timedelta(hours=1)
    assert found.dead_lettering_on_message_expiration is True
    assert found.user_metadata == "<& ü"
    assert found.max_message_size_in_kilobytes == 256
    assert found.status == "Active"


def test_a_queue_has_the_services_defaults(client: ServiceBusAdministrationClient) -> None:
    queue = client.create_queue("orders")

    assert queue.lock_duration == timedelta(minutes=1)
    assert queue.max_delivery_count == 10
    assert queue.duplicate_detection_history_time_window == timedelta(minutes=10)
    for unlimited in (queue.default_message_time_to_live, queue.auto_delete_on_idle):
        assert isinstance(unlimited, timedelta)
        assert unlimited.days == 10675199


def test_a_second_queue_of_the_same_name_is_refused(client: ServiceBusAdministrationClient) -> None:
    client.create_queue("orders")

    with pytest.raises(ResourceExistsError):
        client.create_queue("ORDERS")


def test_a_missing_queue_is_not_found(client: ServiceBusAdministrationClient) -> None:
    for operation in (client.get_queue, client.get_queue_runtime_properties, client.delete_queue):
        with pytest.raises(ResourceNotFoundError):
            operation("orders")


def test_an_update_is_kept(client: ServiceBusAdministrationClient) -> None:
    queue = client.create_queue("orders")
    queue.lock_duration = timedelta(seconds=9)
    client.update_queue(queue)

    assert client.get_queue("orders").lock_duration == timedelta(seconds=9)


def test_an_update_leaves_alone_what_it_does_not_change(
    client: ServiceBusAdministrationClient,
) -> None:
    before = client.create_queue(
        "orders",
        lock_duration=timedelta(seconds=7),
        max_size_in_megabytes=2048,
        default_message_time_to_live=timedelta(days=2, milliseconds=1),
        dead_lettering_on_message_expiration=True,
        max_delivery_count=3,
        user_metadata="mine",
    )
    client.update_queue(before, max_delivery_count=4)

    after = client.get_queue("orders")
    changed = {key for key, value in after.items() if value != before[key]}
    assert changed == {"max_delivery_count"}
    assert after.max_delivery_count == 4


def test_a_queue_that_is_updated_must_exist(client: ServiceBusAdministrationClient) -> None:
    queue = client.create_queue("orders")
    client.delete_queue("orders")

    with pytest.raises(ResourceNotFoundError):
        client.update_queue(queue)


def test_a_status_is_set_and_seen(client: ServiceBusAdministrationClient) -> None:
    queue = client.create_queue("orders")
    for status in (
        EntityStatus.SEND_DISABLED,
        EntityStatus.RECEIVE_DISABLED,
        EntityStatus.DISABLED,
        EntityStatus.ACTIVE,
    ):
        client.update_queue(queue, status=status)
        assert client.get_queue("orders").status == status


def test_nobody_has_accessed_a_new_entity_but_a_subscription(
    client: ServiceBusAdministrationClient,
) -> None:
    client.create_queue("orders", auto_delete_on_idle=timedelta(minutes=5))
    client.update_queue(client.get_queue("orders"))
    client.create_topic("news")

    queue = client.get_queue_runtime_properties("orders")
    topic = client.get_topic_runtime_properties("news")
    client.create_subscription("news", "all")
    subscription = client.get_subscription_runtime_properties("news", "all")
    never = datetime.min.replace(tzinfo=UTC)
    assert (queue.accessed_at_utc, topic.accessed_at_utc) == (never, never)
    assert subscription.accessed_at_utc == datetime.fromtimestamp(NOW, UTC)


def test_authorization_rules_come_and_go_with_their_entity(
    client: ServiceBusAdministrationClient,
) -> None:
    rule = AuthorizationRule(
        type="SharedAccessAuthorizationRule",
        claim_type="SharedAccessKey",
        claim_value="None",
        key_name="sender",
        rights=[AccessRights.SEND],
        primary_key="first",
        secondary_key="second",
    )
    client.create_topic("news", authorization_rules=[rule])
    queue = client.create_queue("orders", authorization_rules=[rule])
    (kept,) = queue.authorization_rules or []
    assert (kept.key_name, kept.rights) == ("sender", ["Send"])
    assert (kept.primary_key, kept.secondary_key) == ("first", "second")
    assert kept.created_at_utc is None  # the service keeps no times of these

    queue.authorization_rules = None  # which the client leaves out of the document
    client.update_queue(queue)
    assert len(client.get_queue("orders").authorization_rules or ()) == 1
    queue.authorization_rules = []
    client.update_queue(queue)
    assert client.get_queue("orders").authorization_rules is None
    assert [topic.authorization_rules is None for topic in client.list_topics()] == [False]


@pytest.mark.parametrize(
    ("rights", "key_names", "refusal"),
    [
        ([AccessRights.MANAGE], ["a"], "should also include Send and Listen"),
        ([], ["a"], "grants no right"),
        (["Read"], ["a"], "A right is one of Manage, Send, Listen"),
        ([AccessRights.SEND], ["a", "a"], "must be unique"),
        ([AccessRights.SEND], [""], "has 1 to 256 characters"),
        ([AccessRights.SEND], [f"a{index}" for index in range(13)], "at most 12"),
    ],
)
def test_authorization_rules_that_break_a_rule_are_refused(
    client: ServiceBusAdministrationClient,
    rights: list[AccessRights | str],
    key_names: list[str],
    refusal: str,
) -> None:
    rules = [AuthorizationRule(key_name=name, rights=rights) for name in key_names]
    with pytest.raises(HttpResponseError, match=refusal):
        client.create_queue("orders", authorization_rules=rules)
    with pytest.raises(ResourceNotFoundError):
        client.get_queue("orders")


def test_messages_larger_than_the_namespace_takes_cannot_be_promised(
    client: ServiceBusAdministrationClient,
) -> None:
    with pytest.raises(HttpResponseError, match="MaxMessageSizeInKilobytes is at most 256"):
        client.create_topic("news", max_message_size_in_kilobytes=1024)
    queue = client.create_queue("orders")
    queue.max_message_size_in_kilobytes = 1024
    with pytest.raises(HttpResponseError, match="MaxMessageSizeInKilobytes is at most 256"):
        client.update_queue(queue)


def test_forwarding_needs_its_target(client: ServiceBusAdministrationClient) -> None:
    with pytest.raises(HttpResponseError, match="could not be found"):
        client.create_queue("orders", forward_to="sb://localhost/archive")
    client.create_queue("archive")
    queue = client.create_queue(
        "orders", forward_to="archive", forward_dead_lettered_messages_to="archive"
    )

    targets = (queue.forward_to, queue.forward_dead_lettered_messages_to)
    assert targets == ("sb://localhost/archive",) * 2  # the SDK makes URLs of names
    client.create_topic("news")
    with pytest.raises(HttpResponseError, match="could not be found"):
        client.create_subscription("news", "all", forward_to="nowhere")


def test_duplicate_detection_is_asked_for_at_creation(
    client: ServiceBusAdministrationClient,
) -> None:
    queue = client.create_queue(
        "orders",
        requires_duplicate_detection=True,
        duplicate_detection_history_time_window=timedelta(minutes=1),
    )

    assert queue.requires_duplicate_detection
    with pytest.raises(HttpResponseError, match="cannot be changed"):
        client.update_queue(queue, requires_duplicate_detection=False)


def test_queues_are_listed_over_several_pages(client: ServiceBusAdministrationClient) -> None:
    names = [f"q{number:03}" for number in range(205)]
    for name in names:
        client.create_queue(name)

    assert [queue.name for queue in client.list_queues()] == names
    assert [queue.name for queue in client.list_queues_runtime_properties()] == names


def test_a_deleted_queue_is_gone(client: ServiceBusAdministrationClient) -> None:
    client.create_queue("orders")
    client.delete_queue("orders")

    assert list(client.list_queues()) == []


def test_runtime_properties_count_by_state(
    client: ServiceBusAdministrationClient, namespace: Namespace
) -> None:
    client.create_queue("orders")
    queue = namespace.get_queue("orders")
    for number in range(6):
        queue.send(Message(message_id=str(number), content=b"", size=100), NOW)
    later = Message(message_id="s", content=b"", size=100, scheduled_enqueue_time=NOW + 60)
    queue.send(later, NOW)
    for settle in (queue.defer, queue.dead_letter, queue.dead_letter):
        received = queue.receive(ReceiveMode.PEEK_LOCK, NOW)
        assert received is not None
        assert received.lock is not None
        settle(received.lock.token, NOW)

    counts = client.get_queue_runtime_properties("orders")

    assert counts.active_message_count == 3
    assert counts.dead_letter_message_count == 2
    assert counts.scheduled_message_count == 1
    assert counts.transfer_message_count == counts.transfer_dead_letter_message_count == 0
    assert counts.total_message_count == 7
    assert counts.size_in_bytes == 700
    assert counts.created_at_utc is not None
    assert counts.created_at_utc.timestamp() == NOW


def test_the_namespace_introduces_itself(client: ServiceBusAdministrationClient) -> None:
    info = client.get_namespace_properties()

    assert (info.name, info.messaging_sku) == ("ns", "Standard")


def test_a_bad_value_is_refused_by_name(client: ServiceBusAdministrationClient) -> None:
    with pytest.raises(HttpResponseError, match="LockDuration must be"):
        client.create_queue("orders", lock_duration=timedelta(minutes=6))
