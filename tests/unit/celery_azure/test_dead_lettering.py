from __future__ import annotations

import pickle
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from billiard.einfo import ExceptionInfo
from celery import Celery, Task
from celery.exceptions import Ignore, Retry
from celery.utils.serialization import get_pickleable_exception

from celery_azure.dead_lettering import DeadLetteringRequest, original_error


class StubbornError(Exception):
    """Cannot be pickled: it is made of two things, and knows one."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Channel:
    """Notes what becomes of a message."""

    def __init__(self) -> None:
        self.acts: list[tuple[Any, ...]] = []

    def explain_rejection(self, tag: str, reason: str, description: str) -> None:
        self.acts.append(("explained", tag, reason, description))


def failed_run(error: Exception, verdict: tuple[str, str] | None) -> list[tuple[Any, ...]]:
    """What becomes of the message of a run that raised `error`."""
    app = Celery("test", set_as_current=False, backend="cache+memory://", broker="memory://")
    app.conf.task_acks_late = True

    class Judge(Task):  # type: ignore[misc] # celery publishes no types
        def dead_letter(self, error: BaseException, retries: int) -> tuple[str, str] | None:
            channel.acts.append(("asked", type(error).__name__, retries))
            return verdict

    def work(error: Exception) -> NoReturn:
        raise error

    task = app.task(name="work", base=Judge, shared=False)(work)
    task.bind(app)
    channel = Channel()
    headers = {"id": "t-1", "task": "work", "retries": 2, "root_id": "t-1"}
    message = SimpleNamespace(
        channel=channel,
        delivery_tag="tag",
        headers=headers,
        body=b"[[],{},{}]",
        payload=[[], {}, {}],
        content_type="application/json",
        content_encoding="utf-8",
        properties={"correlation_id": "t-1"},
        delivery_info={},
    )
    request = DeadLetteringRequest(
        message,
        app=app,
        task=task,
        on_ack=lambda *_: channel.acts.append(("acknowledged",)),
        on_reject=lambda _log, _errors, requeue: channel.acts.append(("rejected", requeue)),
        eventer=None,
    )
    try:
        work(error)
    except Exception:  # noqa: BLE001 - whatever it is
        request.on_failure(ExceptionInfo(), return_ok=True)
    return channel.acts


def test_a_run_that_failed_for_good_is_a_dead_letter_that_says_why() -> None:
    acts = failed_run(TimeoutError("no answer"), ("GaveUp", "x" * 5000))
    assert acts == [
        ("asked", "TimeoutError", 2),
        ("explained", "tag", "GaveUp", "x" * 4096),
        ("rejected", False),
    ]


def test_other_failures_are_acknowledged() -> None:
    assert failed_run(ValueError("bad data"), None) == [
        ("asked", "ValueError", 2),
        ("acknowledged",),
    ]


def test_a_run_that_was_not_to_be_is_not_asked_about() -> None:
    assert failed_run(Ignore(), ("GaveUp", "")) == [("acknowledged",)]


def test_an_error_that_cannot_be_pickled_is_recognised_all_the_same() -> None:
    wrapped = pickle.loads(pickle.dumps(get_pickleable_exception(StubbornError(7, "stubborn"))))  # noqa: S301
    assert not isinstance(wrapped, StubbornError)
    error = original_error(wrapped)
    assert isinstance(error, StubbornError)
    assert str(error) == "stubborn"


@pytest.mark.parametrize("error", [ValueError("plain"), ConnectionError()])
def test_other_errors_are_what_they_are(error: Exception) -> None:
    assert original_error(error) is error


def test_a_wish_to_be_tried_again_is_not_taken_for_the_error_behind_it() -> None:
    wish = Retry("again", ValueError("no"), 1)
    assert original_error(wish) is wish
