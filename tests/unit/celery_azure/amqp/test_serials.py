from __future__ import annotations

import pytest

from celery_azure.amqp.serials import MASK, OutgoingWindow, ahead, between, runs


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [(5, 3, 2), (3, 5, -2), (0, MASK, 1), (MASK, 0, -1), (0x7FFFFFFF, 0, 0x7FFFFFFF), (7, 7, 0)],
)
def test_numbers_go_on_behind_the_last_one(one: int, other: int, distance: int) -> None:
    assert ahead(one, other) == distance


def test_a_range_holds_what_is_known_in_order() -> None:
    known = dict.fromkeys([9, 3, 1, 2])
    assert between(1, 3, known) == [1, 2, 3]
    assert between(2, 100, known) == [2, 3, 9]


def test_a_range_goes_on_behind_the_last_number() -> None:
    known = dict.fromkeys([1, MASK, 0, MASK - 1, 5])
    assert between(MASK, 1, known) == [MASK, 0, 1]


def test_the_work_of_a_range_is_bounded_by_what_is_known() -> None:
    class Counting(dict[int, None]):
        asked = 0

        def __contains__(self, key: object) -> bool:
            self.asked += 1
            return super().__contains__(key)

    known = Counting(dict.fromkeys(range(10)))
    assert between(0, 0x7FFFFFFF, known) == list(range(10))
    assert known.asked <= 10


def test_runs_hold_each_number_once_and_nothing_else() -> None:
    assert runs([]) == []
    assert runs([7, 3, 1, 2, 9, 8]) == [(1, 3), (7, 9)]


def test_no_run_goes_on_behind_the_last_number() -> None:
    assert runs([MASK, 0, 1, MASK - 1]) == [(0, 1), (MASK - 1, MASK)]


def test_a_transfer_waits_when_the_window_is_closed() -> None:
    window, output = OutgoingWindow(), list[bytes]()
    window.open(1)
    for text in (b"a", b"b", b"c"):
        window.put("link", text, output)
    assert output == [b"a"]
    window.update(1, 1, output)
    assert output == [b"a", b"b"]
    window.update(2, 10, output)
    assert output == [b"a", b"b", b"c"]
    assert window.next_id == 3


def test_the_widest_window_is_no_closed_one() -> None:
    window, output = OutgoingWindow(), list[bytes]()
    window.update(0, MASK, output)
    window.put("link", b"a", output)
    assert output == [b"a"]


def test_a_peer_that_has_seen_what_was_never_sent_gets_nothing() -> None:
    window, output = OutgoingWindow(), list[bytes]()
    window.update(5, 1000, output)
    window.put("link", b"a", output)
    assert output == []
