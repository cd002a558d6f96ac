import uuid

import pytest

from queue_app.task_ids import TaskIds

NOW = 1_790_000_000.75


def ids(realm: str = "namespace/queue", now: float = NOW) -> TaskIds:
    return TaskIds(realm, lambda: now)


def test_an_id_is_a_random_uuid_as_it_is_usually_written() -> None:
    issued = {ids().new() for _ in range(500)}
    assert len(issued) == 500
    assert all(str(uuid.UUID(one)) == one for one in issued)
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in issued} == {
        (4, uuid.RFC_4122)
    }


def test_an_id_tells_when_it_was_issued_to_the_second() -> None:
    assert {ids().issued_at(ids().new()) for _ in range(100)} == {float(int(NOW))}


def test_ids_of_neighbours_do_not_share_a_beginning() -> None:
    assert len({ids().new()[:6] for _ in range(100)}) > 95


def test_another_realm_does_not_know_the_id() -> None:
    assert ids("another/queue").issued_at(ids().new()) is None


@pytest.mark.parametrize("position", [0, 7, 9, 15, 20, 30, 35])
def test_an_id_with_one_digit_changed_was_not_issued(position: int) -> None:
    task_id = ids().new()
    other = "0" if task_id[position] != "0" else "1"
    assert ids().issued_at(task_id[:position] + other + task_id[position + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "report:2026", str(uuid.UUID(int=7)), "00000000-0000-4000-8000-000000000000"]
)
def test_what_others_made_was_not_issued(text: str) -> None:
    assert ids().issued_at(text) is None


def test_an_id_in_capitals_is_another_text_and_was_not_issued() -> None:
    assert ids().issued_at(ids().new().upper()) is None


def test_the_extremes_of_the_clock_fit() -> None:
    for now in (0.0, float(2**32 - 1)):
        assert ids(now=now).issued_at(ids(now=now).new()) == now
