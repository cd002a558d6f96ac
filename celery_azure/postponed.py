"""Calls that wait a moment, because most of them turn out not to be needed."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from celery.utils.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

logger = get_logger(__name__)


class Waiting:
    """Calls by key, each due the same time after it was added, so in the order of adding."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._calls: dict[str, tuple[float, Callable[[], None]]] = {}
        self._is_used = False  # since somebody was told to look again after the delay

    def add(self, key: str, call: Callable[[], None], now: float) -> None:
        """Let a call wait; an earlier one of the same key is dropped."""
        self._calls.pop(key, None)
        self._calls[key] = (now + self._delay, call)
        self._is_used = True

    def drop(self, key: str) -> None:
        """Take a call back, if it still waits."""
        self._calls.pop(key, None)

    def next_due(self) -> float | None:
        """When the first call is due; None when none waits."""
        return next((due for due, _ in self._calls.values()), None)

    def next_look(self, now: float) -> float | None:
        """When to look whether a call is due; None: not before one is added.

        Nothing that is added until then is due earlier, so that nobody need be told of it.
        """
        due = self.next_due()
        if due is None and self._is_used:
            self._is_used = False
            return now + self._delay
        return due

    def take_due(self, now: float) -> Callable[[], None] | None:
        """The first call, when it is due; it waits no more."""
        for key, (due, call) in self._calls.items():
            if due > now:
                return None
            del self._calls[key]
            return call
        return None


class PostponedCalls:
    """Makes calls after a delay, in a thread of its own, unless they are dropped before.

    Used by any thread. A child of this process has a thread of its own, and none of the calls.
    While calls are added again and again, the thread looks after each delay and is woken for none:
    it would take the interpreter from the one that adds, which has something better to do.
    """

    def __init__(self, name: str, delay: float) -> None:
        self._name = name
        self._delay = delay
        self._thread: threading.Thread | None = None
        self._is_asleep = False  # until it is told
        self._begin()

    def add(self, key: str, call: Callable[[], None]) -> None:
        """Make a call after the delay; an earlier one of the same key is dropped."""
        if self._pid != os.getpid():
            self._begin()
        with self._changed:
            self._waiting.add(key, call, time.monotonic())
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            elif self._is_asleep:
                self._is_asleep = False
                self._changed.notify()

    def drop(self, key: str) -> None:
        """Take a call back, if it has not begun."""
        if self._pid == os.getpid():
            with self._changed:
                self._waiting.drop(key)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._waiting = Waiting(self._delay)
        self._changed = threading.Condition()
        self._thread = None
        self._is_asleep = False

    def _run(self) -> None:
        while True:
            call = self._next()
            try:
                call()
            except Exception:
                logger.exception("A postponed call failed")

    def _next(self) -> Callable[[], None]:
        with self._changed:
            while True:
                now = time.monotonic()
                call = self._waiting.take_due(now)
                if call is not None:
                    return call
                look = self._waiting.next_look(now)
                self._is_asleep = look is None
                self._changed.wait(None if look is None else look - now)
