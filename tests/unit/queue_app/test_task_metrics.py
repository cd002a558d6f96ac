"""What is counted of deliveries of a task, without a worker."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from billiard.exceptions import Terminated, WorkerLostError
from celery import Celery
from celery.exceptions import Ignore, Reject, Retry
from celery.worker import state as worker_state
from celery.worker.state import successful_requests
from prometheus_client import generate_latest

from queue_app.task_metrics import STATES, MeasuredRequest, TaskMeter


def work() -> None:
    """Do nothing."""


class Deliveries:
    """Deliveries of a task, which a test lets start and end."""

    def __init__(self) -> None:
        app = Celery("test", set_as_current=False, backend="cache+memory://", broker="memory://")
        app.conf.task_acks_late = True
        self.app = app
        self.meter = TaskMeter()
        self.task: Any = app.task(name="work", shared=False)(work)
        self.task.bind(app)
        self.task.meter = self.meter
        self.task.dead_letter = lambda *_: None
        self.meter.expect("work")

    def new(self, task_id: str, **delivery_info: Any) -> Any:
        return MeasuredRequest(
            SimpleNamespace(
                channel=None,
                delivery_tag="tag",
                headers={"id": task_id, "task": "work", "root_id": task_id},
                body=b"[[],{},{}]",
                payload=[[], {}, {}],
                content_type="application/json",
                content_encoding="utf-8",
                properties={"correlation_id": task_id},
                delivery_info=delivery_info,
            ),
            app=self.app,
            task=self.task,
            on_ack=lambda *_: None,
            on_reject=lambda *_: None,
            eventer=None,
        )

    def running(self, task_id: str, ago: float = 0.0, **delivery_info: Any) -> Any:
        request = self.new(task_id, **delivery_info)
        request.on_accepted(1, time.monotonic() - ago)
        return request

    def counted(self) -> dict[str, float]:
        """The states that are not zero."""
        found = {state: self.value("states_total", state=state) for state in STATES}
        return {state: count for state, count in found.items() if count}

    def value(self, name: str, **labels: str) -> float:
        labels = {"task": "work", **labels}
        value = self.meter.registry.get_sample_value(f"queue_app_worker_task_{name}", labels)
        assert value is not None, name
        return value


@pytest.fixture
def deliveries(monkeypatch: pytest.MonkeyPatch) -> Deliveries:
    known = type(successful_requests)(maxlen=10)
    monkeypatch.setattr("queue_app.task_metrics.successful_requests", known)
    monkeypatch.setattr(worker_state, "successful_requests", known)
    return Deliveries()


def fail(request: Any, error: BaseException) -> None:
    try:
        raise error  # noqa: TRY301 - an error that was raised has a traceback
    except BaseException:  # noqa: BLE001 - whatever it is
        request.on_failure(ExceptionInfo(), return_ok=True)


def test_before_anything_has_happened_everything_is_zero(deliveries: Deliveries) -> None:
    assert deliveries.counted() == {}
    text = generate_latest(deliveries.meter.registry).decode()
    for state in STATES:
        assert f'queue_app_worker_task_states_total{{state="{state}",task="work"}} 0.0' in text


def test_a_success_is_counted_and_timed_when_it_is_acknowledged(deliveries: Deliveries) -> None:
    request = deliveries.running("1", ago=3.0)
    assert deliveries.counted() == {"started": 1}
    worker_state.successful_requests.add("1")
    request.acknowledge()
    request.acknowledge()
    assert deliveries.counted() == {"started": 1, "succeeded": 1}
    assert deliveries.value("run_seconds_count") == 1
    assert deliveries.value("run_seconds_sum") >= 3.0


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (ValueError("no"), "failed"),
        (Retry("again", ValueError("no"), 1), "retried"),
        (Ignore(), "left"),
        (Reject(requeue=True), "left"),
        (WorkerLostError("killed"), "lost"),
        (Terminated("SIGTERM"), "revoked"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_end_that_is_no_success_has_its_own_name(
    deliveries: Deliveries, error: BaseException, state: str
) -> None:
    fail(deliveries.running("1"), error)
    assert deliveries.counted() == {"started": 1, state: 1}
    assert deliveries.value("run_seconds_count") == 1


def test_what_is_revoked_before_its_start_has_no_run(deliveries: Deliveries) -> None:
    deliveries.new("1")._announce_revoked("revoked", False, None, False)
    assert deliveries.counted() == {"revoked": 1}
    assert deliveries.value("run_seconds_count") == 0


def test_the_wait_is_that_since_the_broker_had_the_message(deliveries: Deliveries) -> None:
    request = deliveries.new("1", enqueued_at=1000.0)
    request.on_accepted(1, time.monotonic())
    assert deliveries.value("wait_seconds_count") == 1
    assert deliveries.value("wait_seconds_sum") == pytest.approx(request.time_start - 1000.0)


def test_a_wait_that_nobody_knows_is_left_out_and_none_is_negative(
    deliveries: Deliveries,
) -> None:
    deliveries.running("1")
    assert deliveries.value("wait_seconds_count") == 0
    deliveries.running("2", enqueued_at=1e12)
    assert deliveries.value("wait_seconds_sum") == 0
