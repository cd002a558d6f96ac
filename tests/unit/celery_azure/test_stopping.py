from __future__ import annotations

import gc
from collections import deque
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import kombu
import pytest
from celery import Celery, signals
from celery.concurrency.asynpool import AsynPool
from celery.worker import state
from kombu.asynchronous import get_event_loop, set_event_loop

from celery_azure.feed import Feed
from celery_azure.stopping import EndChildren, end_children, is_worker_stopping, wake_to_stop

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = {"broker_url": "azureservicebus://name:key@127.0.0.1:1"} | {
    "broker_transport": "celery_azure.transport:Transport"
}


class Child:
    def __init__(self, pool: Pool, looks: int) -> None:
        self._pool = pool
        self._looks = looks

    def is_alive(self) -> bool:
        if self._pool.is_told:
            self._looks -= 1
        return self._looks > 0


class Pool:
    """What is used of the pool that Celery's prefork pool has inside."""

    _stop_task_handler: Any = None

    def __init__(self, *looks: int, jobs: int = 0) -> None:
        self.is_told = False
        self._task_handler = "the handler"
        self._cache = dict.fromkeys(range(jobs))
        self._pool = [Child(self, each) for each in looks]
        self._stop_task_handler = self._tell

    def _tell(self, handler: str) -> None:
        assert handler == self._task_handler
        self.is_told = True


class Hub:
    """An event loop that counts its turns."""

    def __init__(self) -> None:
        self.turns = 0
        self.timers: deque[object] = deque()

    def call_repeatedly(self, seconds: float, call: object) -> SimpleNamespace:
        assert 0 < seconds < 1
        self.timers.append(call)
        return SimpleNamespace(cancel=self.timers.pop)

    def run_once(self) -> None:
        assert self.timers, "nothing would wake it"
        self.turns += 1


@pytest.fixture
def hub() -> Iterator[Hub]:
    before = get_event_loop()
    hub = Hub()
    set_event_loop(hub)
    yield hub
    set_event_loop(before)


@pytest.fixture
def feed() -> Iterator[Feed]:
    feed = Feed()
    yield feed
    feed.close()


@pytest.fixture
def transport() -> Iterator[Any]:
    connection = kombu.Connection(OURS["broker_url"], transport=OURS["broker_transport"])
    yield connection.transport
    connection.transport.feed.close()


def told() -> None:
    signals.worker_shutting_down.send(sender="w", sig="SIGTERM", how="Warm", exitcode=0)


class Worker:
    """What is asked of a worker that is being made."""

    def __init__(self, settings: dict[str, str], *, use_eventloop: bool = True) -> None:
        self.app = Celery("stopping", set_as_current=False)
        self.app.conf.update(settings)
        self.use_eventloop = use_eventloop


def test_a_worker_that_is_told_to_stop_wakes_who_waits(feed: Feed) -> None:
    wake_to_stop(feed)
    assert not feed.wait(0)
    told()
    assert feed.wait(0)


def test_feeds_that_are_closed_or_gone_are_no_hindrance(feed: Feed) -> None:
    gone, closed = Feed(), Feed()
    for each in (gone, closed, feed):
        wake_to_stop(each)
    closed.wait(0)
    closed.close()
    del gone
    told()
    assert feed.wait(0)


def test_every_connection_of_the_transport_is_woken(transport: Any) -> None:
    told()
    assert transport.feed.wait(0)


@pytest.mark.parametrize(("name", "value"), [("should_stop", 0), ("should_terminate", True)])
def test_a_worker_stops_when_its_state_says_so(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    assert not is_worker_stopping()
    monkeypatch.setattr(state, name, value)
    assert is_worker_stopping()


def test_a_loop_that_is_to_stop_is_handed_no_message(
    transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []
    monkeypatch.setattr(transport.feed, "deliver_one", lambda: tries.append("one"))
    readers: list[Any] = []
    loop = SimpleNamespace(add_reader=lambda *reader: readers.append(reader), _ready=set())
    transport.register_with_event_loop(None, loop)
    [(_, on_readable)] = readers

    on_readable()
    assert tries
    monkeypatch.setattr(state, "should_stop", 0)
    tries.clear()
    on_readable()
    assert not tries


def test_who_asks_on_while_the_worker_stops_lets_others_have_their_turn(
    transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(transport.feed, "wait", waits.append)
    monkeypatch.setattr(state, "should_stop", 0)
    for timeout in (1.0, None):
        with pytest.raises(TimeoutError):
            transport.drain_events(None, timeout)
    assert len(waits) == 2
    assert all(0 < seconds < 0.1 for seconds in waits)


def test_the_loop_runs_until_the_children_have_gone(hub: Hub) -> None:
    end_children(Pool(1, 4, 1), hub)
    assert hub.turns == 3
    assert not hub.timers
    assert get_event_loop() is None


def test_celery_keeps_the_loop_for_jobs_that_were_lost_with_their_process(hub: Hub) -> None:
    end_children(Pool(1, jobs=1), hub)
    assert get_event_loop() is hub


@pytest.mark.parametrize("inside", [None, "a pool of threads"])
def test_a_pool_without_children_is_left_alone(hub: Hub, inside: object) -> None:
    step = EndChildren.__new__(EndChildren)
    step.stop(SimpleNamespace(pool=SimpleNamespace(_pool=inside), hub=hub))
    assert hub.turns == 0
    assert get_event_loop() is hub


def test_celerys_pool_still_has_what_is_used_of_it() -> None:
    assert callable(AsynPool._stop_task_handler)
    used = set(AsynPool.__init__.__code__.co_names) | set(
        AsynPool.__mro__[1].__init__.__code__.co_names
    )
    assert {"_pool", "_cache", "_task_handler"} <= used


def test_a_worker_with_an_event_loop_on_this_transport_gets_the_step() -> None:
    ours, other = Worker(OURS), Worker({"broker_url": "memory://"})
    without = Worker(OURS, use_eventloop=False)
    for each in (ours, other, without):
        signals.worker_init.send(sender=each)
    assert EndChildren in ours.app.steps["worker"]
    assert EndChildren not in other.app.steps["worker"]
    assert EndChildren not in without.app.steps["worker"]


def test_what_a_worker_has_loaded_is_kept_out_of_the_garbage_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frozen: list[str] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append("all"))
    for settings in ({"broker_url": "memory://"}, OURS):
        signals.celeryd_after_setup.send(sender="w", instance=Worker(settings), conf=None)
    assert frozen == ["all"]
