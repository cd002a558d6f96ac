"""Celery's canvas with results on blobs: group, chain, chord, their errors, and what waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from celery import chain, chord, group

from harness.waiting import wait_until
from tests.integration.canvas import running_canvas, settings_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.stack import Stack

SECONDS = 60


@pytest.fixture(scope="module")
def tasks(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module of the tasks, whose app sends to a worker that runs."""
    folder = tmp_path_factory.mktemp("canvas")
    options = ("--pool=threads", "--concurrency=4")
    with running_canvas(settings_on(stack), folder, *options) as canvas:
        yield canvas.tasks


def test_a_group_gives_all_results_in_order(tasks: Any) -> None:
    result = group(tasks.add.s(number, 1) for number in range(10)).apply_async()
    assert result.get(timeout=SECONDS, interval=0.05) == list(range(1, 11))


def test_a_chain_hands_results_on(tasks: Any) -> None:
    result = chain(tasks.add.s(1, 2), tasks.add.s(3), tasks.add.s(4)).apply_async()
    assert result.get(timeout=SECONDS, interval=0.05) == 10
    assert result.parent.parent.get(timeout=SECONDS) == 3


def test_a_chord_runs_its_body_when_all_parts_are_done(tasks: Any) -> None:
    result = chord((tasks.add.s(n, n) for n in range(5)), tasks.total.s()).apply_async()
    assert result.get(timeout=SECONDS, interval=0.05) == 20


def test_a_part_that_fails_fails_the_chord(tasks: Any) -> None:
    result = chord([tasks.add.s(1, 1), tasks.fail.s()], tasks.total.s()).apply_async()
    with pytest.raises(Exception, match="no luck"):
        result.get(timeout=SECONDS, interval=0.05)
    wait_until(lambda: result.state == "FAILURE", "the failure of the chord's body")


def test_a_failure_ends_a_chain(tasks: Any) -> None:
    result = chain(tasks.fail.s(), tasks.add.s(1)).apply_async()
    with pytest.raises(ValueError, match="no luck"):
        result.get(timeout=SECONDS, interval=0.05)


def test_a_group_can_be_saved_and_restored(tasks: Any) -> None:
    result = group(tasks.add.s(number, 1) for number in range(3)).apply_async()
    result.save()
    restored = tasks.app.GroupResult.restore(result.id)
    assert restored.get(timeout=SECONDS, interval=0.05) == [1, 2, 3]
    restored.delete()
    assert tasks.app.GroupResult.restore(result.id) is None


def test_a_forgotten_result_is_gone(tasks: Any) -> None:
    result = tasks.add.delay(1, 2)
    assert result.get(timeout=SECONDS, interval=0.05) == 3
    result.forget()
    assert tasks.app.AsyncResult(result.id).state == "PENDING"


def test_a_task_that_is_tried_again_succeeds_at_last(tasks: Any) -> None:
    result = tasks.stumble.delay(2)
    assert result.get(timeout=SECONDS, interval=0.05) == 2


def test_a_task_for_later_waits_at_the_broker(tasks: Any) -> None:
    sent = time.monotonic()
    later = tasks.add.apply_async((1, 2), countdown=1.0)
    at_once = tasks.add.delay(3, 4)
    assert at_once.get(timeout=SECONDS, interval=0.05) == 7
    assert later.get(timeout=SECONDS, interval=0.05) == 3
    assert time.monotonic() - sent >= 0.99  # it is sent as whole milliseconds
