"""Workers whose connection, link or lock breaks: a task ends once, or its repeat is announced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from celery_azure.counts import counts
from harness.waiting import wait_until
from tests.integration.chaos.site import QUEUE, WORKED_AT_ONCE, Site, complaints, held

if TYPE_CHECKING:
    from collections.abc import Iterator

CONDITIONS = [
    "amqp:link:detach-forced",
    "amqp:internal-error",
    "amqp:unauthorized-access",
    "amqp:not-allowed",
    "amqp:link:stolen",
    "com.microsoft:timeout",
    "com.microsoft:operation-cancelled",
]
TASKS = 6


@pytest.fixture(autouse=True)
def counted() -> Iterator[None]:
    before = counts.copy()
    counts.subtract(before)
    yield
    counts.update(before)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        *((step, "drop") for step in ("open", "authenticate", "attach", "deliver")),
        *((step, "close") for step in ("open", "authenticate", "attach", "deliver")),
        ("attach", "refuse"),
        ("authenticate", "detach"),
        ("deliver", "detach"),
    ],
)
def test_a_worker_survives_a_fault_before_it_has_a_task(
    site: Site, operation: str, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    site.publish(site.publisher(), TASKS)
    fault = site.control.inject(operation, action, times=1)
    site.worker()
    wait_until(lambda: fault.hits, "the fault")
    site.end_forgotten_locks()
    site.wait_until_done()

    site.ledger.assert_each_ran_once()
    assert len(complaints(caplog)) <= 2, complaints(caplog)


@pytest.mark.parametrize("action", ["drop", "close", "detach"])
def test_what_is_worked_on_while_the_connection_breaks_is_completed_all_the_same(
    site: Site, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker = site.worker()
    with held(worker):
        site.publish(site.publisher(), TASKS)
        site.wait_until_held(worker, WORKED_AT_ONCE)
        site.control.inject("now", action)
    site.wait_until_done()

    site.ledger.assert_each_ran_once()
    assert not any(counts.values())
    assert complaints(caplog) == []


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_detached_receiver_comes_back_whatever_the_reason(
    site: Site, condition: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker, publisher = site.worker(), site.publisher()
    with held(worker):
        site.publish(publisher, TASKS)
        site.wait_until_held(worker, WORKED_AT_ONCE)
        site.control.inject("now", "detach", condition=condition)
    site.publish(publisher, TASKS)
    site.wait_until_done()

    site.ledger.assert_each_ran_once()
    assert complaints(caplog) == []


@pytest.mark.parametrize("action", ["drop", "close", "detach"])
@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_settlement_that_is_cut_off_is_made_once_more(
    site: Site, action: str, stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    worker = site.worker()
    site.control.inject("settle", action, stage=stage, times=1)
    with held(worker):
        site.publish(site.publisher(), WORKED_AT_ONCE)
        site.wait_until_held(worker, WORKED_AT_ONCE)
    site.wait_until_done()

    site.ledger.assert_each_ran_once()
    assert counts["lost locks"] == counts["failed settlements"] == 0
    assert complaints(caplog) == []


@pytest.mark.parametrize("action", ["refuse", "throttle"])
def test_a_settlement_that_is_refused_for_a_while_is_made_later(
    site: Site, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    site.worker()
    please = "The request was terminated. Please wait 1 seconds and try again."
    site.control.inject("settle", action, times=2, description=please)
    site.publish(site.publisher(), TASKS)
    site.wait_until_done()

    site.ledger.assert_each_ran_once()
    assert complaints(caplog) == []


def test_a_lost_lock_is_told_and_its_task_runs_again_announced_as_such(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    worker = site.worker()
    with held(worker):
        site.publish(site.publisher(), 2)
        site.wait_until_held(worker, 2)
        site.control.inject("now", "lose-lock", entity=QUEUE)
        site.wait_until_held(worker, 4)
    site.wait_until_done()

    site.ledger.assert_repeats_were_announced()
    assert site.ledger.repeated == 2
    assert counts["lost locks"] == 2
    assert len(complaints(caplog)) == 2


def test_a_worker_finds_a_broker_that_was_restarted(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    worker, publisher = site.worker(), site.publisher()
    with held(worker):
        site.publish(publisher, 2)
        site.wait_until_held(worker, 2)
        site.stop()
        wait_until(lambda: complaints(caplog), "the outage to be told")
        site.start()  # what it knew is forgotten, locks included
    site.publish(publisher, TASKS)
    site.wait_until_done()

    site.ledger.assert_each_ran_once()
    assert len(complaints(caplog)) <= 6  # an outage and its end on each side, two lost locks
