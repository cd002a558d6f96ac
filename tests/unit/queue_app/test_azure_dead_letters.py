from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from azure.servicebus.exceptions import MessageLockLostError

from queue_app.azure_dead_letters import Letters, _new_id, _settle_each, copy_of

TASK_ID = "bf8c6322-5ad2-4060-a30e-55ad7671b84c"


def test_the_copy_of_a_letter_has_an_id_of_its_own() -> None:
    assert _new_id(f"{TASK_ID}:4", 7) == f"{TASK_ID}:4:requeued-7"


def test_a_letter_may_be_requeued_as_often_as_one_likes() -> None:
    message_id = TASK_ID
    for number in range(1, 30):
        message_id = _new_id(message_id, number)
        assert message_id == f"{TASK_ID}:requeued-{number}"


def test_an_id_that_leaves_no_room_is_replaced_by_the_same_one_for_the_same_letter() -> None:
    copied = _new_id("x" * 128, 12)
    assert len(copied) <= 128
    assert copied == _new_id("x" * 128, 12) != _new_id("y" * 128, 12)
    assert copied.endswith(":requeued-12")


@dataclass
class Letter:
    sequence_number: int
    message_id: str = "m"


class Receiver:
    """Plays the dead-letter queue; the lock of the first letter has ended when it is given back.

    Attributes:
        letters: Those that come with the next request.
        given_back: Those that were given back, by number.
        is_closed: Nothing can be received and settled any more.
    """

    def __init__(self, *letters: Letter) -> None:
        self.letters = list(letters)
        self.given_back: list[int] = []
        self.is_closed = False

    def receive_messages(self, count: int, max_wait_time: float) -> list[Letter]:
        del count, max_wait_time
        assert not self.is_closed
        letters, self.letters = self.letters, []
        return letters

    def complete_message(self, letter: Letter) -> None:
        del letter
        assert not self.is_closed

    def abandon_message(self, letter: Letter) -> None:
        assert not self.is_closed
        if letter.sequence_number == 1:
            raise MessageLockLostError
        self.given_back.append(letter.sequence_number)

    def close(self) -> None:
        self.is_closed = True


class Clock:
    """A time that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_letter_whose_lock_has_ended_keeps_no_other_from_being_given_back() -> None:
    receiver: Any = Receiver(Letter(1), Letter(2), Letter(3))
    with Letters(lambda: receiver) as letters:
        settled = _settle_each(letters, [3], lambda _: None)
    assert (settled.done, settled.missing) == ([3], [])
    assert receiver.given_back == [2]
    assert receiver.is_closed


def test_a_letter_that_comes_back_at_once_is_not_requeued_again_by_the_same_call() -> None:
    receiver: Any = Receiver(Letter(2, "m:requeued-1"), Letter(3))
    asked: list[int] = []

    def send_again(letter: Any) -> None:
        number = letter.sequence_number
        asked.append(number)
        if len(asked) < 10:
            receiver.letters.append(Letter(number + 10, _new_id(letter.message_id, number)))

    with Letters(lambda: receiver) as letters:
        settled = _settle_each(letters, None, send_again)
    assert (settled.done, settled.is_complete) == (asked, True)
    assert asked == [2, 3]
    assert receiver.given_back == [12, 13]


def test_no_receiver_receives_for_as_long_as_the_sdk_lets_it_do_so_alone() -> None:
    receivers: list[Any] = [
        Receiver(Letter(2), Letter(3)),  # holds one until the end
        Receiver(Letter(4)),
        Receiver(Letter(5)),
        Receiver(),
    ]
    new, clock = iter(receivers), Clock()
    were_open: list[list[bool]] = []

    with Letters(lambda: next(new), clock) as letters:

        def settle(letter: Any) -> None:
            letters.complete(letter)
            were_open.append([not receiver.is_closed for receiver in receivers])
            clock.now += 4.0

        settled = _settle_each(letters, [3, 4, 5, 6], settle)

    assert (settled.done, settled.missing) == ([3, 4, 5], [6])
    assert [sum(row) for row in were_open] == [4, 4, 3]  # the second has nothing to give back
    assert receivers[0].given_back == [2]
    assert all(receiver.is_closed for receiver in receivers)


def test_letters_that_are_received_in_a_moment_need_one_receiver() -> None:
    receivers: list[Any] = [Receiver(Letter(2), Letter(3))]
    with Letters(receivers.pop) as letters:
        settled = _settle_each(letters, None, letters.complete)
    assert settled.done == [2, 3]


def test_the_copy_of_a_letter_is_not_the_first_message_of_its_task() -> None:
    names = ("session_id", "content_type", "correlation_id", "subject", "reply_to", "to")
    letter: Any = SimpleNamespace(
        application_properties={b"first-copy": True, b"task": b"work"},
        body=[b"{}"],
        message_id="m",
        sequence_number=1,
        reply_to_session_id=None,
        time_to_live=None,
        **dict.fromkeys(names),
    )
    assert copy_of(letter).application_properties == {b"task": b"work"}
