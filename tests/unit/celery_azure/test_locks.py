"""What is known of a lock that was lost: to the log, the counters and the task."""

from __future__ import annotations

import os
import sys
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from celery_azure import locks
from celery_azure.amqp.frames import AmqpError
from celery_azure.amqp.settlement import ABANDON, COMPLETE, LOCK_LOST, UNCONFIRMED
from celery_azure.counts import (
    DUPLICATES,
    FAILED_SETTLEMENTS,
    LOST_LOCKS,
    UNCONFIRMED_SETTLEMENTS,
    counts,
)
from celery_azure.locks import LostLocks, is_lost, on_lost, on_settled


@pytest.fixture(autouse=True)
def _count_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(counts):
        monkeypatch.setitem(counts, name, 0)
    monkeypatch.setattr(locks, "_lost", LostLocks())


def delivery(name: str = "work[1]") -> Any:
    return SimpleNamespace(name=name, lock_token=uuid.uuid4(), is_lost=False)


def request(held: Any) -> Any:
    return SimpleNamespace(properties={"delivery_tag": str(held.lock_token)})


def test_a_task_finds_out_that_its_lock_was_lost(caplog: pytest.LogCaptureFixture) -> None:
    one, other = delivery("one[1]"), delivery()
    on_lost(one, "somebody froze us")

    assert is_lost(request(one))
    assert not is_lost(request(other))
    assert counts[LOST_LOCKS] == 1
    assert "The lock of one[1] is lost" in caplog.text


@pytest.mark.parametrize(
    "properties", [None, {}, {"delivery_tag": None}, {"delivery_tag": "7"}, {"delivery_tag": 7}]
)
def test_a_task_of_another_transport_has_lost_nothing(properties: Any) -> None:
    assert not is_lost(SimpleNamespace(properties=properties))


def test_outside_of_a_task_nothing_is_lost() -> None:
    assert not is_lost()


def test_a_task_that_was_done_after_its_lock_was_lost_is_a_duplicate(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known, found_out = delivery("known[1]"), delivery("found-out[2]")
    known.is_lost = True
    on_lost(known, "too late")
    on_settled(known, COMPLETE, AmqpError(LOCK_LOST))
    on_settled(found_out, COMPLETE, AmqpError(LOCK_LOST))

    assert (counts[LOST_LOCKS], counts[DUPLICATES], counts[FAILED_SETTLEMENTS]) == (2, 2, 2)
    assert found_out.is_lost
    assert is_lost(request(found_out))
    assert "found-out[2] was done after its lock was lost" in caplog.text


def test_what_was_given_back_too_late_is_no_duplicate() -> None:
    on_settled(delivery(), ABANDON, AmqpError(LOCK_LOST))
    assert (counts[LOST_LOCKS], counts[DUPLICATES]) == (1, 0)


def test_a_settlement_that_failed_otherwise_is_told_with_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    held = delivery()
    on_settled(held, COMPLETE, AmqpError("amqp:internal-error", "out of order"))
    assert (counts[LOST_LOCKS], counts[DUPLICATES], counts[FAILED_SETTLEMENTS]) == (0, 0, 1)
    assert "out of order" in caplog.text
    assert not is_lost(request(held))


def test_a_settlement_whose_answer_got_lost_is_no_duplicate(
    caplog: pytest.LogCaptureFixture,
) -> None:
    on_settled(delivery(), COMPLETE, AmqpError(UNCONFIRMED, "its answer was lost"))
    assert (counts[UNCONFIRMED_SETTLEMENTS], counts[DUPLICATES], counts[LOST_LOCKS]) == (1, 0, 0)
    assert counts[FAILED_SETTLEMENTS] == 0
    assert caplog.text == ""


def test_what_was_confirmed_is_not_worth_a_word(caplog: pytest.LogCaptureFixture) -> None:
    on_settled(delivery(), COMPLETE, None)
    assert caplog.text == ""


def test_the_oldest_is_forgotten_first() -> None:
    lost, tokens = LostLocks(kept=2), [uuid.uuid4() for _ in range(3)]
    for token in tokens:
        lost.add(token)
    assert [token in lost for token in tokens] == [False, True, True]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_hears_of_what_is_lost_after_it_was_born() -> None:
    lost, token = LostLocks(), uuid.uuid4()
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        os.read(ready, 1)
        os._exit(7 if token in lost else 1)
    lost.add(token)
    os.write(go, b"x")
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    os.close(ready)
    os.close(go)
