"""A namespace without thread and socket: a call is done when it returns."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import kombu

from celery_azure import namespace as namespaces
from celery_azure.namespace import Namespace
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.nodes.sas import ROOT_KEY
from tests.unit.celery_azure.amqp.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from celery_azure.amqp.engine import Engine

URL = f"azureservicebus://{ROOT_KEY.name}:{ROOT_KEY.key}@here:5672"


class InlineDriver:
    """Stands where `ThreadedDriver` would.

    Attributes:
        seconds: How much time passes with each call.
        is_idle: Whether callers may take its place.
    """

    seconds = 0.25
    is_idle = False

    def __init__(self, world: World, engine: Engine) -> None:
        self.engine = world.engine = engine
        self.is_closed = self.is_forgotten = False
        self._world = world
        self._is_busy = self._is_beside = False
        self._lock = threading.RLock()
        self._beside: list[Callable[[], object]] = []

    def now(self) -> float:
        return self._world.now

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call it, and let the broker work until nobody has anything to say, and a tick longer."""
        with self._lock:  # as there is one thread that drives, and it makes one call at a time
            function(*arguments)
            if self._is_busy:
                return
            self._is_busy = True
            self._world.turn()
            self._world.pass_time(self.seconds)
            self._is_busy = False
            if self._is_beside:
                return
            self._is_beside = True
            beside, self._beside = self._beside, []
            for call in beside:  # what they bring about beside is for the next call
                call()
            self._is_beside = False

    call_soon = call

    def call_here(self, answer: object, function: Callable[..., object], *arguments: Any) -> bool:
        del answer
        if self.is_idle:
            self.call(function, *arguments)
        return self.is_idle

    def call_beside(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call it when the call that is under way has been made."""
        self._beside.append(partial(function, *arguments))

    def close(self, timeout: float) -> None:
        del timeout
        self.is_closed = True

    def forget(self) -> None:
        self.is_forgotten = True


@contextmanager
def inline_world(monkeypatch: pytest.MonkeyPatch, **queue: Any) -> Iterator[World]:
    """A world in which namespaces are driven inline; it has the queue `jobs`."""
    world = World(**queue)
    monkeypatch.setattr(
        namespaces, "ThreadedDriver", lambda engine, *_: InlineDriver(world, engine)
    )
    monkeypatch.setattr(Namespace, "_shared", {})
    yield world


def connect(**options: Any) -> kombu.Connection:
    return kombu.Connection(
        URL, transport="celery_azure.transport:Transport", transport_options=options
    )


def create_queue(world: World, name: str) -> None:
    world.namespace.create_queue(name, QueueDescription(), now=world.now)
