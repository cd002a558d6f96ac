"""Receiving and settling with the synchronous SDK, the clock moved where time has to pass."""

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import (
    AutoLockRenewer,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    MessageNotFoundError,
    ServiceBusAuthenticationError,
)

from harness.waiting import wait_until
from servicebus_emulator import ManualClock, OffsetClock, ThreadedEmulator
from tests.integration.emulator.line import LONG, SHORT, Line

if TYPE_CHECKING:
    from tests.integration.emulator.conftest import LineMaker, QueueMaker

DEAD_LETTER = ServiceBusSubQueue.DEAD_LETTER


def sequence_number(message: ServiceBusReceivedMessage) -> int:
    assert message.sequence_number is not None
    return message.sequence_number


def hours_after(message: ServiceBusReceivedMessage, hours: int) -> datetime:
    assert message.enqueued_time_utc is not None
    return message.enqueued_time_utc + timedelta(hours=hours)


def dead_letters(client: ServiceBusClient, line: Line) -> list[ServiceBusReceivedMessage]:
    """Take the one dead letter of the line's queue."""
    with client.get_queue_receiver(line.queue, sub_queue=DEAD_LETTER) as receiver:
        return Line(line.queue, line.sender, receiver).take(1)


def test_a_completed_message_is_gone(line: Line) -> None:
    line.send("once")
    line.receiver.complete_message(line.receive_one())

    assert line.is_silent()


def test_an_abandoned_message_comes_again_and_is_counted(line: Line) -> None:
    line.send("again")
    line.receiver.abandon_message(line.receive_one())
    again = line.take_one()

    assert (str(again), again.delivery_count) == ("again", 1)


def test_an_abandoned_message_comes_before_later_ones(line: Line) -> None:
    line.send("first", "second")
    line.receiver.abandon_message(line.receive_one())

    assert [str(message) for message in line.take(2)] == ["first", "second"]


def test_a_settled_message_cannot_be_settled_again(line: Line) -> None:
    line.send("once")
    message = line.take_one()

    with pytest.raises(MessageAlreadySettled):
        line.receiver.complete_message(message)


def test_a_deferred_message_comes_only_to_who_asks_for_its_number(line: Line) -> None:
    line.send("aside", "next")
    aside = line.receive_one()
    line.receiver.defer_message(aside)
    following = line.take_one()
    [asked_for] = line.receiver.receive_deferred_messages(sequence_number(aside))
    line.receiver.complete_message(asked_for)

    assert (str(following), str(asked_for), asked_for.delivery_count) == ("next", "aside", 0)
    with pytest.raises(MessageNotFoundError):
        line.receiver.receive_deferred_messages(sequence_number(aside))


def test_a_deferred_message_can_be_abandoned_and_asked_for_again(line: Line) -> None:
    line.send("aside")
    number = sequence_number(message := line.receive_one())
    line.receiver.defer_message(message)
    [first] = line.receiver.receive_deferred_messages(number)
    line.receiver.abandon_message(first)
    [second] = line.receiver.receive_deferred_messages(number)
    line.receiver.complete_message(second)

    assert second.delivery_count == 1


def test_a_dead_letter_says_why(line: Line, client: ServiceBusClient) -> None:
    line.send("bad", application_properties={"kept": "yes"})
    message = line.receive_one()
    line.receiver.dead_letter_message(message, reason="broken", error_description="no wheels")
    [dead] = dead_letters(client, line)

    assert str(dead) == "bad"
    assert (dead.dead_letter_reason, dead.dead_letter_error_description) == ("broken", "no wheels")
    assert dead.sequence_number == message.sequence_number
    assert dead.application_properties is not None
    assert dead.application_properties[b"kept"] == b"yes"


def test_a_message_that_fails_too_often_becomes_a_dead_letter(
    open_line: "LineMaker", client: ServiceBusClient
) -> None:
    line = open_line(max_delivery_count=2)
    line.send("poison")
    for _ in range(2):
        line.receiver.abandon_message(line.receive_one())
    [dead] = dead_letters(client, line)

    assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"


def test_a_message_is_locked_for_its_receiver(line: Line, client: ServiceBusClient) -> None:
    line.send("mine")
    mine = line.receive_one()
    with client.get_queue_receiver(line.queue) as other:
        assert not other.receive_messages(max_wait_time=SHORT)
    line.receiver.complete_message(mine)


def test_a_lock_that_expires_gives_the_message_to_the_next(line: Line, clock: OffsetClock) -> None:
    line.send("slow")
    line.receive_one()
    clock.advance(61)
    again = line.take_one()

    assert (str(again), again.delivery_count) == ("slow", 1)


def test_a_lock_that_expired_settles_nothing(line: Line, clock: OffsetClock) -> None:
    line.send("slow")
    late = line.receive_one()
    clock.advance(61)
    with pytest.raises(MessageLockLostError):
        line.receiver.complete_message(late)

    assert str(line.take_one()) == "slow"


def test_a_renewed_lock_lasts_longer(line: Line, clock: OffsetClock) -> None:
    line.send("long work")
    message = line.receive_one()
    before = message.locked_until_utc
    clock.advance(40)
    until = line.receiver.renew_message_lock(message)
    clock.advance(40)
    line.receiver.complete_message(message)

    assert before is not None
    assert until >= before + timedelta(seconds=40)
    assert line.is_silent()


def test_a_lock_that_expired_cannot_be_renewed(line: Line, clock: OffsetClock) -> None:
    line.send("long work")
    message = line.receive_one()
    clock.advance(61)
    with pytest.raises(MessageLockLostError):
        line.receiver.renew_message_lock(message)

    assert line.take_one().delivery_count == 1


def test_the_lock_renewer_of_the_sdk_keeps_a_message() -> None:
    # It goes by the computer's clock, and renews what ends within ten seconds. The emulator's is
    # moved by hand, so that no lock ends because the machine is slow.
    clock = ManualClock(start=ManualClock().now() - 14)
    with (
        ThreadedEmulator(clock=clock) as emulator,
        ServiceBusClient.from_connection_string(emulator.connection_string) as client,
    ):
        emulator.create_queue("orders", lock_duration=25.0)
        with (
            client.get_queue_sender("orders") as sender,
            client.get_queue_receiver("orders") as receiver,
            client.get_queue_receiver("orders") as other,
            AutoLockRenewer() as renewer,
        ):
            line = Line("orders", sender, receiver)
            line.send("long work")
            message = line.receive_one()
            first = message.locked_until_utc
            renewer.register(receiver, message)
            clock.advance(14)
            wait_until(lambda: message.locked_until_utc != first, "a lock that was renewed")
            clock.advance(12)  # the first lock's end has passed
            others = other.receive_messages(max_wait_time=SHORT)
            receiver.complete_message(message)

    assert others == []


def test_receive_and_delete_takes_the_message_for_good(
    line: Line, client: ServiceBusClient
) -> None:
    line.send("taken")
    with client.get_queue_receiver(
        line.queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
    ) as receiver:
        [message] = receiver.receive_messages(max_wait_time=LONG)

    assert (str(message), message.lock_token) == ("taken", None)
    assert line.is_silent()


def test_many_messages_come_in_one_go(line: Line) -> None:
    line.send(*(str(number) for number in range(120)))

    assert [str(message) for message in line.take(120)] == [str(number) for number in range(120)]


def test_what_was_prefetched_and_not_used_goes_to_others_uncounted(
    line: Line, client: ServiceBusClient
) -> None:
    line.send(*(str(number) for number in range(10)))
    with client.get_queue_receiver(line.queue, prefetch_count=20) as hoarder:
        [first] = hoarder.receive_messages(1, max_wait_time=LONG)
        hoarder.complete_message(first)
    rest = line.take(9)

    assert [str(message) for message in rest] == [str(number) for number in range(1, 10)]
    assert {message.delivery_count for message in rest} == {0}


def test_a_receiver_can_be_iterated(line: Line, client: ServiceBusClient) -> None:
    line.send("a", "b", "c")
    seen = []
    with client.get_queue_receiver(line.queue, max_wait_time=LONG) as receiver:
        for message in itertools.islice(receiver, 3):
            seen.append(str(message))
            receiver.complete_message(message)
    with client.get_queue_receiver(line.queue, max_wait_time=SHORT) as receiver:
        rest = list(receiver)

    assert (seen, rest) == (["a", "b", "c"], [])


def test_peeking_shows_messages_and_takes_none(line: Line) -> None:
    line.send("a", "b")
    [first] = line.receiver.peek_messages(max_message_count=1, sequence_number=1)
    both = line.receiver.peek_messages(10, sequence_number=sequence_number(first))

    assert [str(message) for message in both] == ["a", "b"]
    assert {message.locked_until_utc for message in both} == {None}
    assert [str(message) for message in line.take(2)] == ["a", "b"]
    assert line.receiver.peek_messages(sequence_number=1) == []


def test_peeking_tells_in_which_state_a_message_is(line: Line) -> None:
    line.send("deferred", "active")
    deferred = line.receive_one()
    line.receiver.defer_message(deferred)
    [number] = line.sender.schedule_messages(
        [ServiceBusMessage("scheduled")], hours_after(deferred, 1000)
    )
    peeked = line.receiver.peek_messages(10, sequence_number=1)
    states = {str(message): message.state.name for message in peeked}
    line.sender.cancel_scheduled_messages(number)
    [again] = line.receiver.receive_deferred_messages(sequence_number(deferred))
    line.receiver.complete_message(again)
    line.take_one()

    assert states == {"deferred": "DEFERRED", "active": "ACTIVE", "scheduled": "SCHEDULED"}


def test_a_scheduled_message_comes_when_its_time_has_come(line: Line, clock: OffsetClock) -> None:
    line.send("now")
    now = line.take_one()
    line.sender.schedule_messages([ServiceBusMessage("later")], hours_after(now, 1))
    early = line.is_silent()
    clock.advance(3600)

    assert (early, str(line.take_one())) == (True, "later")


def test_a_message_may_carry_its_own_time(line: Line, clock: OffsetClock) -> None:
    line.send("now")
    now = line.take_one()
    line.send("later", scheduled_enqueue_time_utc=hours_after(now, 1))
    early = line.is_silent()
    clock.advance(3600)

    assert (early, str(line.take_one())) == (True, "later")


def test_a_cancelled_message_never_comes(line: Line, clock: OffsetClock) -> None:
    line.send("now")
    now = line.take_one()
    numbers = line.sender.schedule_messages(
        [ServiceBusMessage("one"), ServiceBusMessage("two")], hours_after(now, 1)
    )
    line.sender.cancel_scheduled_messages(numbers)
    clock.advance(3601)

    assert line.is_silent()
    with pytest.raises(MessageNotFoundError):
        line.sender.cancel_scheduled_messages(numbers[0])


def test_a_message_that_outlived_itself_is_gone(
    client: ServiceBusClient, queue: str, clock: OffsetClock
) -> None:
    with client.get_queue_sender(queue) as sender:
        sender.send_messages(ServiceBusMessage("milk", time_to_live=timedelta(seconds=30)))
    clock.advance(31)
    with client.get_queue_receiver(queue) as receiver:
        assert receiver.peek_messages(sequence_number=1) == []
        assert not receiver.receive_messages(max_wait_time=SHORT)


def test_a_message_that_outlived_itself_is_buried_where_the_queue_says_so(
    client: ServiceBusClient, make_queue: "QueueMaker", clock: OffsetClock
) -> None:
    queue = make_queue(dead_lettering_on_message_expiration=True, default_message_time_to_live=30.0)
    with client.get_queue_sender(queue) as sender:
        sender.send_messages(ServiceBusMessage("milk"))
    clock.advance(31)
    with client.get_queue_receiver(queue, sub_queue=DEAD_LETTER) as receiver:
        [dead] = receiver.receive_messages(max_wait_time=LONG)

    assert dead.dead_letter_reason == "TTLExpiredException"


def test_receivers_of_one_queue_take_turns(
    client: ServiceBusClient, queue: str, emulator: ThreadedEmulator
) -> None:
    def both_have_given_credit() -> bool:
        links = [link for each in emulator.control.connections() for link in each["links"]]
        ours = [
            link for link in links if (link["entity"], link["client_is"]) == (queue, "receiver")
        ]
        return [link["credit"] > 4 for link in ours] == [True, True]

    with (
        client.get_queue_sender(queue) as sender,
        client.get_queue_receiver(queue, prefetch_count=9) as one,
        client.get_queue_receiver(queue, prefetch_count=9) as other,
    ):
        lines = [Line(queue, sender, one), Line(queue, sender, other)]
        assert all(line.is_silent() for line in lines)
        wait_until(both_have_given_credit, "the credit of both")
        lines[0].send(*(str(number) for number in range(8)))
        shares = [[int(str(message)) for message in line.take(4)] for line in lines]

    assert sorted(shares) == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_a_waiting_receiver_gets_a_message_the_moment_it_is_due(
    line: Line, clock: OffsetClock
) -> None:
    line.send("now")
    now = line.take_one()
    assert now.enqueued_time_utc is not None
    soon = now.enqueued_time_utc + timedelta(seconds=0.5)
    line.sender.schedule_messages([ServiceBusMessage("soon")], soon)
    message = line.take_one()

    assert message.enqueued_time_utc is not None
    assert timedelta(0) <= message.enqueued_time_utc - soon < timedelta(seconds=LONG)


def test_a_queue_that_does_not_exist_cannot_be_received_from(client: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusAuthenticationError):
        client.get_queue_receiver("nobody").__enter__()


def test_a_dead_letter_queue_has_a_management_node_as_well(
    line: Line, client: ServiceBusClient
) -> None:
    line.send("bad")
    line.receiver.dead_letter_message(line.receive_one())
    with client.get_queue_receiver(line.queue, sub_queue=DEAD_LETTER) as receiver:
        peeked = [str(message) for message in receiver.peek_messages(sequence_number=1)]
        [dead] = receiver.receive_messages(max_wait_time=LONG)
        receiver.complete_message(dead)

    assert peeked == ["bad"]
