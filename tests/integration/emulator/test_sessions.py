"""Sessions with the synchronous SDK, the clock moved where time has to pass."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceiver,
    ServiceBusSender,
)
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from servicebus_emulator import OffsetClock
from tests.integration.emulator.line import LONG, SHORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.servicebus import ServiceBusSession

    from tests.integration.emulator.conftest import QueueMaker

LOCK = 60.0


@pytest.fixture
def queue(make_queue: "QueueMaker") -> str:
    return make_queue(requires_session=True, lock_duration=LOCK)


@pytest.fixture
def sender(client: ServiceBusClient, queue: str) -> "Iterator[ServiceBusSender]":
    with client.get_queue_sender(queue) as sender:
        yield sender


def send(sender: ServiceBusSender, *bodies: str, session: str) -> None:
    sender.send_messages([ServiceBusMessage(body, session_id=session) for body in bodies])


def session_of(receiver: ServiceBusReceiver) -> "ServiceBusSession":
    assert receiver.session is not None
    return receiver.session


def take(receiver: ServiceBusReceiver, count: int) -> list[str]:
    bodies: list[str] = []
    while len(bodies) < count:
        found = receiver.receive_messages(count - len(bodies), max_wait_time=LONG)
        assert found, f"only {bodies} came"
        for message in found:
            receiver.complete_message(message)
        bodies += map(str, found)
    return bodies


def test_a_receiver_gets_the_messages_of_its_session_in_their_order(
    client: ServiceBusClient, queue: str, sender: ServiceBusSender
) -> None:
    send(sender, "a1", "a2", session="a")
    send(sender, "b1", session="b")
    send(sender, "a3", session="a")
    with client.get_queue_receiver(queue, session_id="a") as receiver:
        bodies = take(receiver, 3)
        more = receiver.receive_messages(max_wait_time=SHORT)

    assert (bodies, more) == (["a1", "a2", "a3"], [])


def test_the_next_available_sessions_are_given_in_turn(
    client: ServiceBusClient, queue: str, sender: ServiceBusSender
) -> None:
    send(sender, "a", session="a")
    send(sender, "b", session="b")
    with (
        client.get_queue_receiver(queue, session_id=NEXT_AVAILABLE_SESSION) as first,
        client.get_queue_receiver(queue, session_id=NEXT_AVAILABLE_SESSION) as second,
    ):
        names = [session_of(each).session_id for each in (first, second)]
        bodies = [take(each, 1)[0] for each in (first, second)]

    assert names == bodies == ["a", "b"]


def test_no_session_is_a_timeout_and_one_that_is_taken_cannot_be_locked(
    client: ServiceBusClient, queue: str
) -> None:
    with client.get_queue_receiver(queue, session_id="a") as first:
        assert session_of(first).session_id == "a"
        with (
            pytest.raises(SessionCannotBeLockedError),
            client.get_queue_receiver(queue, session_id="a"),
        ):
            pass
        with (
            pytest.raises(OperationTimeoutError),
            client.get_queue_receiver(
                queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1
            ) as second,
        ):
            second.receive_messages()


def test_a_sessions_state_is_kept_and_its_lock_renewed(
    client: ServiceBusClient, queue: str, clock: OffsetClock
) -> None:
    with client.get_queue_receiver(queue, session_id="a") as receiver:
        session = session_of(receiver)
        before: object = session.get_state()
        session.set_state("half done")
        clock.advance(LOCK / 2)
        until = session.renew_lock()
        expected = datetime.fromtimestamp(clock.now() + LOCK, UTC)
        clock.advance(LOCK / 2 + 1)
        after = session.get_state()

    with client.get_queue_receiver(queue, session_id="a") as receiver:
        again = session_of(receiver).get_state()

    assert (before, after, again) == (None, b"half done", b"half done")
    assert abs(until - expected) < timedelta(seconds=LONG)


def test_a_session_that_is_not_renewed_is_lost_and_its_deliveries_count(
    client: ServiceBusClient,
    queue: str,
    sender: ServiceBusSender,
    clock: OffsetClock,
) -> None:
    send(sender, "a", session="a")
    with client.get_queue_receiver(queue, session_id="a") as receiver:
        [message] = receiver.receive_messages(max_wait_time=LONG)
        clock.advance(LOCK + 1)
        with pytest.raises(SessionLockLostError):
            receiver.complete_message(message)
        with pytest.raises(SessionLockLostError):
            session_of(receiver).renew_lock()
    with client.get_queue_receiver(queue, session_id="a") as receiver:
        [message] = receiver.receive_messages(max_wait_time=LONG)

    assert (str(message), message.delivery_count) == ("a", 1)


def test_a_session_that_was_let_go_costs_no_delivery(
    client: ServiceBusClient, queue: str, sender: ServiceBusSender
) -> None:
    send(sender, "a", "b", session="a")
    with client.get_queue_receiver(queue, session_id="a") as receiver:
        assert receiver.receive_messages(2, max_wait_time=LONG)
    with client.get_queue_receiver(queue, session_id="a") as receiver:
        found = receiver.receive_messages(2, max_wait_time=LONG)

    assert [(str(each), each.delivery_count) for each in found][:1] == [("a", 0)]


def test_deferred_messages_and_peeked_ones_are_those_of_the_session(
    client: ServiceBusClient, queue: str, sender: ServiceBusSender
) -> None:
    send(sender, "a", session="a")
    send(sender, "b", session="b")
    with client.get_queue_receiver(queue, session_id="b") as receiver:
        [message] = receiver.receive_messages(max_wait_time=LONG)
        receiver.defer_message(message)
        peeked = receiver.peek_messages(10, sequence_number=1)
        assert message.sequence_number is not None
        [again] = receiver.receive_deferred_messages(message.sequence_number)
        receiver.complete_message(again)
        left = receiver.peek_messages(10, sequence_number=1)

    assert [str(each) for each in peeked] == [str(again)] == ["b"]
    assert left == []


def test_sessions_are_listed(
    client: ServiceBusClient, queue: str, sender: ServiceBusSender, clock: OffsetClock
) -> None:
    start = datetime.fromtimestamp(clock.now(), UTC)
    empty = list(client.list_queue_sessions(queue))
    for name in ("b", "a"):
        send(sender, "x", session=name)

    assert empty == []
    assert list(client.list_queue_sessions(queue)) == ["a", "b"]
    changed = client.list_queue_sessions(queue, state_updated_after=start - timedelta(seconds=1))
    assert list(changed) == ["a", "b"]


def test_what_does_not_fit_is_refused(
    client: ServiceBusClient, queue: str, sender: ServiceBusSender, make_queue: "QueueMaker"
) -> None:
    with pytest.raises(ServiceBusError, match="SessionId was not set"):
        sender.send_messages(ServiceBusMessage("no session"))
    with (
        pytest.raises(ServiceBusError, match="non-sessionful message receiver"),
        client.get_queue_receiver(queue),
    ):
        pass
    with (
        pytest.raises(ServiceBusError, match="sessionful message receiver cannot be created"),
        client.get_queue_receiver(make_queue(), session_id="a"),
    ):
        pass
