from __future__ import annotations

import threading
from collections import deque
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from kombu.asynchronous import Hub

from celery_azure.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Taker:
    """A consumer with room for so many messages."""

    def __init__(self, *waiting: str, room: int = 100) -> None:
        self.receiver: Any = SimpleNamespace(buffer=deque(waiting), is_paused=False)
        self.room = room
        self.taken: list[Any] = []
        self.resumed = 0

    def can_take(self) -> bool:
        return len(self.taken) < self.room

    def take(self, delivery: Any) -> bool:
        if delivery == "not for us":
            return False
        self.taken.append(delivery)
        return True

    def resume(self) -> None:
        self.resumed += 1


class Loop:
    """What a feed uses of kombu's event loop: its timers, and what it is told to do soon."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self._ready: set[Callable[[], None]] = set()

    def _pop_ready(self) -> set[Callable[[], None]]:
        ready, self._ready = self._ready, set()
        return ready

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._ready.add(callback)

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        self.timers.append((when, callback))

    def fire_timers(self) -> None:
        timers, self.timers = self.timers, []
        for _, callback in timers:
            callback()


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Feed]:
    monkeypatch.setattr("celery_azure.feed._BUDGET_SECONDS", 3600.0)  # all in one go, however slow
    feed = Feed()
    yield feed
    feed.close()


def test_queues_take_turns(feed: Feed) -> None:
    order: list[str] = []
    for taker in (Taker("a1", "a2", "a3"), Taker("b1"), Taker("c1", "c2")):
        taker.taken = order
        feed.add(taker)
    feed.deliver()
    assert order == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert not feed.has_work


def test_who_has_no_room_is_passed_over(feed: Feed) -> None:
    full, free = Taker("a1", "a2", room=1), Taker("b1", "b2")
    feed.add(full)
    feed.add(free)
    feed.deliver()
    assert full.taken == ["a1"]
    assert free.taken == ["b1", "b2"]
    assert feed.has_work


def test_what_is_none_for_its_consumer_does_not_count_as_an_event(feed: Feed) -> None:
    taker = Taker("not for us", "not for us", "a", "not for us")
    feed.add(taker)
    assert feed.deliver_one()
    assert taker.taken == ["a"]
    assert not feed.deliver_one()


def test_who_has_room_again_is_resumed(feed: Feed) -> None:
    taker = Taker()
    taker.receiver.is_paused = True
    feed.add(taker)
    assert feed.has_work
    feed.deliver()
    assert taker.resumed == 1


def test_a_signal_wakes_who_waits_and_is_taken_back(feed: Feed) -> None:
    assert not feed.wait(0)
    feed.notify()
    feed.notify()
    assert feed.wait(0)
    feed.clear()
    assert not feed.wait(0)


def test_a_signal_before_anybody_waits_is_not_lost(feed: Feed) -> None:
    feed.notify()
    assert feed.wait(0)


def test_who_was_removed_gets_nothing(feed: Feed) -> None:
    taker = Taker("a")
    feed.add(taker)
    feed.remove(taker)
    feed.remove(taker)
    assert not feed.deliver_one()


def test_room_in_the_thread_of_the_loop_is_used_without_a_signal(feed: Feed) -> None:
    taker, loop = Taker("a", "b", room=2), Loop()
    feed.add(taker)
    feed.join_loop(loop)
    feed.look_again()
    feed.look_again()
    assert not taker.taken  # those who say so may have more to do before
    assert [when for when, _ in loop.timers] == [0.0]
    loop.fire_timers()
    assert taker.taken == ["a", "b"]
    assert not feed.wait(0)
    taker.room = 3
    taker.receiver.buffer.append("c")
    feed.look_again()
    loop.fire_timers()
    assert taker.taken == ["a", "b", "c"]


class Solo(Taker):
    """A consumer whose tasks run at once, and are acknowledged when their loop comes to that."""

    def __init__(self, loop: Loop, feed: Feed, *waiting: str) -> None:
        super().__init__(*waiting)
        self.loop, self.feed = loop, feed

    def take(self, delivery: Any) -> bool:
        def acknowledge() -> None:
            self.taken.append(f"{delivery} done")
            self.feed.look_again()

        self.loop._ready.add(acknowledge)
        return super().take(delivery)


def test_a_task_that_ran_at_once_is_acknowledged_before_the_next_one(feed: Feed) -> None:
    loop = Loop()
    taker = Solo(loop, feed, "a", "b")
    feed.add(taker)
    feed.join_loop(loop)
    feed.notify()
    feed.on_readable()
    assert taker.taken == ["a", "a done", "b", "b done"]
    assert not loop.timers
    assert not feed.wait(0)


def test_what_fails_of_what_was_left_to_the_loop_does_not_cost_the_rest(feed: Feed) -> None:
    loop, begun, done = Loop(), list[int](), list[int]()

    def call(number: int) -> None:
        begun.append(number)
        if len(begun) == 1:
            raise KeyError
        done.append(number)

    loop._ready = {partial(call, number) for number in range(3)}
    feed.join_loop(loop)
    with pytest.raises(KeyError):
        feed.deliver()
    feed.deliver()
    assert sorted(begun) == [0, 1, 2]
    assert done == begun[1:]


def test_the_signal_stands_while_there_is_no_time_for_all(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop()
    taker = Solo(loop, feed, "a", "b", "c")
    feed.add(taker)
    feed.join_loop(loop)
    feed.notify()
    clock = SimpleNamespace(monotonic=lambda: 7200.0 if taker.taken == ["a"] else 0.0)
    monkeypatch.setattr("celery_azure.feed.time", clock)
    feed.on_readable()
    assert taker.taken == ["a"]
    assert feed.wait(0)
    for acknowledge in loop._pop_ready():
        acknowledge()
    assert not loop.timers  # the signal is enough
    feed.on_readable()
    assert taker.taken == ["a", "a done", "b", "b done", "c", "c done"]
    assert not feed.wait(0)


def test_what_comes_when_the_signal_is_taken_back_is_handed_out(feed: Feed) -> None:
    taker, clear = Taker("a"), feed.clear
    feed.add(taker)
    feed.join_loop(Loop())
    feed.notify()

    def clear_late() -> None:
        taker.receiver.buffer.append("b")
        feed.notify()
        clear()

    feed.clear = clear_late  # type: ignore[method-assign]
    feed.on_readable()
    assert taker.taken == ["a", "b"]
    assert not feed.wait(0)


def test_a_loop_that_ends_in_the_middle_is_handed_no_more(feed: Feed) -> None:
    taker = Taker("a", "b", "c")
    feed.add(taker)
    feed.join_loop(Loop(), lambda: len(taker.taken) == 2)
    feed.notify()
    feed.on_readable()
    assert taker.taken == ["a", "b"]


def test_kombus_loop_keeps_what_it_is_told_to_do_soon_where_a_feed_looks_for_it() -> None:
    hub, done = Hub(), list[str]()
    assert not hub._ready
    hub.call_soon(done.append, "soon")
    assert hub._ready
    for call in hub._pop_ready():
        call()
    assert done == ["soon"]
    assert not hub._ready


def test_room_in_another_thread_wakes_the_loop(feed: Feed) -> None:
    taker, loop = Taker("a"), Loop()
    feed.add(taker)
    feed.join_loop(loop)
    other = threading.Thread(target=feed.look_again)
    other.start()
    other.join()
    assert not loop.timers
    assert feed.wait(0)


def test_room_for_nothing_wakes_nobody(feed: Feed) -> None:
    loop = Loop()
    feed.add(Taker())
    feed.look_again()
    feed.join_loop(loop)
    feed.look_again()
    assert not loop.timers
    assert not feed.wait(0)
