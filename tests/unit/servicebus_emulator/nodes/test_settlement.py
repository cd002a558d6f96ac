import itertools
import uuid

import pytest

from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.outcomes import Accepted, Modified, Received, Rejected, Released
from servicebus_emulator.broker.message import Message, MessageState, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.nodes.settlement import settle

NOW = 1000.0


@pytest.fixture
def queue() -> Queue:
    numbers = itertools.count(1)
    return Namespace(lambda: uuid.UUID(int=next(numbers))).create_queue("orders", now=NOW)


@pytest.fixture
def message(queue: Queue) -> Message:
    queue.send(Message("id", b"", 1), NOW)
    message = queue.receive(ReceiveMode.PEEK_LOCK, NOW)
    assert message is not None
    return message


def token(message: Message) -> uuid.UUID:
    assert message.lock is not None
    return message.lock.token


def test_accepted_completes(queue: Queue, message: Message) -> None:
    assert settle(queue, token(message), Accepted(), NOW) == Accepted()
    assert queue.counts(NOW).total == 0


def test_released_gives_back_uncounted(queue: Queue, message: Message) -> None:
    assert settle(queue, token(message), Released(), NOW) == Released()
    assert (message.lock, message.delivery_count) == (None, 0)


@pytest.mark.parametrize("failed", [True, False])
def test_modified_abandons_whether_the_delivery_failed_or_not(
    queue: Queue, message: Message, *, failed: bool
) -> None:
    state = Modified(delivery_failed=failed, message_annotations={"changed": 1})

    assert settle(queue, token(message), state, NOW) == Modified(delivery_failed=failed)
    assert (message.lock, message.delivery_count) == (None, 1)
    assert message.properties_to_modify == {"changed": 1}


def test_modified_and_undeliverable_here_defers(queue: Queue, message: Message) -> None:
    state = Modified(delivery_failed=True, undeliverable_here=True)

    assert settle(queue, token(message), state, NOW) == state
    assert (message.state, message.delivery_count) == (MessageState.DEFERRED, 0)


def test_rejected_buries_with_reason_description_and_properties(
    queue: Queue, message: Message
) -> None:
    info = {"DeadLetterReason": "broken", "DeadLetterErrorDescription": "no wheels", "extra": 1}
    state = Rejected(AmqpError("com.microsoft:dead-letter", info=info))

    assert settle(queue, token(message), state, NOW) == Rejected()
    assert (message.dead_letter_reason, message.dead_letter_description) == ("broken", "no wheels")
    assert message.properties_to_modify == {"extra": 1}
    assert queue.counts(NOW).dead_letter == 1


def test_rejected_with_another_error_takes_that_as_the_reason(
    queue: Queue, message: Message
) -> None:
    settle(queue, token(message), Rejected(AmqpError("amqp:decode-error", "what?")), NOW)

    assert (message.dead_letter_reason, message.dead_letter_description) == (
        "amqp:decode-error",
        "what?",
    )


def test_rejected_without_an_error_buries_without_a_reason(queue: Queue, message: Message) -> None:
    assert settle(queue, token(message), Rejected(), NOW) == Rejected()
    assert message.dead_letter_reason is None


@pytest.mark.parametrize("state", [None, Received(0, 0)])
def test_what_is_no_decision_changes_nothing(
    queue: Queue, message: Message, state: Received | None
) -> None:
    assert settle(queue, token(message), state, NOW) is None
    assert message.lock is not None


def test_a_lost_lock_is_told_as_rejected_with_its_error(queue: Queue) -> None:
    answer = settle(queue, uuid.UUID(int=99), Accepted(), NOW)

    assert isinstance(answer, Rejected)
    assert answer.error is not None
    assert answer.error.condition == "com.microsoft:message-lock-lost"
