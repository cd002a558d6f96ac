from typing import Any

import pytest
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from celery_azure.storage import operations
from celery_azure.storage.conversation import NoAnswerError, Patience, Pause, Reply, converse
from celery_azure.storage.messages import Answer, Request
from celery_azure.storage.operations import Blob, Operation

READ = operations.read("box", "n")
WRITE = operations.write("box", "n", b"x")
FOUND = Answer(200, {"etag": "1"}, b"x")
WRITTEN = Answer(201, {"etag": "2"})
BUSY = Answer(503, {"x-ms-error-code": "ServerBusy"})
NO_CONTAINER = Answer(404, {"x-ms-error-code": "ContainerNotFound"})
LEAVING = Answer(409, {"x-ms-error-code": "ContainerBeingDeleted"})
LEASED = Answer(412, {"x-ms-error-code": "LeaseIdMissing"})
CUT = NoAnswerError(ConnectionResetError("reset"), was_sent=True)
REFUSED = NoAnswerError(ConnectionRefusedError("refused"), was_sent=False)


def play(
    operation: Operation[Any], replies: list[Reply], patience: Patience
) -> tuple[list[Request | Pause], Any]:
    """Answer a conversation's requests in turn; what it asked for, and its result."""
    conversation = converse(operation, patience)
    steps: list[Request | Pause] = []
    left = iter(replies)
    reply: Reply = None
    while True:
        try:
            step = conversation.send(reply)
        except StopIteration as end:
            return steps, end.value
        steps.append(step)
        reply = None if isinstance(step, Pause) else next(left)


def pauses(steps: list[Request | Pause]) -> list[Pause]:
    return [step for step in steps if isinstance(step, Pause)]


def test_an_answer_ends_the_conversation() -> None:
    steps, result = play(READ, [FOUND], Patience())
    assert steps == [READ.request]
    assert result == Blob(b"x", "1")


@pytest.mark.parametrize(
    "trouble", [CUT, REFUSED, BUSY, Answer(500, {}), Answer(429, {}), LEAVING, LEASED]
)
def test_after_trouble_it_waits_and_asks_again(trouble: Reply) -> None:
    steps, result = play(READ, [trouble, trouble, FOUND], Patience())
    assert [type(step) for step in steps] == [Request, Pause, Request, Pause, Request]
    assert result == Blob(b"x", "1")


def test_the_waits_grow_up_to_a_limit() -> None:
    patience = Patience(first_wait=0.1, longest_wait=1.0)
    steps, _ = play(READ, [CUT] * 8 + [FOUND], patience)
    ceilings = [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0]
    assert all(
        ceiling / 2 <= pause.seconds <= ceiling
        for pause, ceiling in zip(pauses(steps), ceilings, strict=True)
    )


def test_a_day_of_waiting_does_not_overflow() -> None:
    assert Patience().wait_before(86_399, 1.0) == 1.0


def test_a_busy_service_says_how_long_to_wait() -> None:
    busy = Answer(503, {"retry-after": "7"})
    steps, _ = play(READ, [busy, FOUND], Patience())
    assert pauses(steps)[0].seconds == 7


@pytest.mark.parametrize("text", ["Fri, 26 Jun 2015 23:39:12 GMT", "-1", "²", ""])
def test_a_wish_that_is_no_number_of_seconds_is_ignored(text: str) -> None:
    steps, _ = play(READ, [Answer(503, {"retry-after": text}), FOUND], Patience())
    assert pauses(steps)[0].seconds <= 0.1


def test_nobody_waits_longer_than_a_minute_for_a_wish() -> None:
    steps, _ = play(READ, [Answer(503, {"retry-after": "86400"}), FOUND], Patience())
    assert pauses(steps)[0].seconds == 60


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (CUT, ServiceResponseError),
        (REFUSED, ServiceRequestError),
        (BUSY, HttpResponseError),
        (LEASED, HttpResponseError),
    ],
)
def test_patience_ends(trouble: Reply, expected: type[AzureError]) -> None:
    with pytest.raises(expected):
        play(READ, [trouble] * 3, Patience(retries=2))


def test_without_patience_the_first_trouble_is_an_error() -> None:
    with pytest.raises(ServiceRequestError, match="refused"):
        play(READ, [REFUSED], Patience(retries=0))


def test_a_refusal_is_not_asked_again() -> None:
    with pytest.raises(HttpResponseError):
        play(READ, [Answer(403, {})], Patience())


def test_a_missing_container_is_made_and_the_write_repeated() -> None:
    steps, result = play(WRITE, [NO_CONTAINER, Answer(201, {}), WRITTEN], Patience())
    assert steps == [WRITE.request, operations.create_container("box").request, WRITE.request]
    assert result == "2"


def test_a_container_that_is_being_deleted_is_waited_for_and_made_anew() -> None:
    steps, result = play(WRITE, [LEAVING, NO_CONTAINER, Answer(201, {}), WRITTEN], Patience())
    assert len(pauses(steps)) == 1
    assert result == "2"


def test_a_container_that_may_not_be_made_may_be_there_by_now() -> None:
    _, result = play(WRITE, [NO_CONTAINER, Answer(403, {}), WRITTEN], Patience())
    assert result == "2"


def test_a_container_is_made_once_only() -> None:
    with pytest.raises(AzureError, match="404"):
        play(WRITE, [NO_CONTAINER, Answer(403, {}), NO_CONTAINER], Patience())


def test_reading_makes_no_container() -> None:
    steps, result = play(READ, [NO_CONTAINER], Patience())
    assert (len(steps), result) == (1, None)
