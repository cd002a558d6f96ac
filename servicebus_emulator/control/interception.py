"""Faults where they strike: between a client's events and the nodes that handle them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from uuid import UUID

from servicebus_emulator.amqp import events
from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.control.acts import act_of, entity_of
from servicebus_emulator.control.breakage import break_off, refuse
from servicebus_emulator.control.faults import Act
from servicebus_emulator.control.held import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from servicebus_emulator.amqp.events import Event
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.broker.message import Message
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.broker.queue import Queue
    from servicebus_emulator.control.faults import Faults
    from servicebus_emulator.nodes.peer import Peer


class Interception:
    """A container's watch that lets faults happen.

    Args:
        faults: Which.
        namespace: Where locks are lost.
    """

    def __init__(self, faults: Faults, namespace: Namespace) -> None:
        self._faults = faults
        self._namespace = namespace
        self._held = Held()
        self._lost: list[tuple[Queue, UUID]] = []
        self._lost_at: float | None = None

    @property
    def alert(self) -> bool:
        """Whether any fault waits, or anything is put off."""
        return self._faults.any_armed or bool(self._held) or bool(self._lost)

    def intercept(
        self, peer: Peer, event: Event, now: float, proceed: Callable[[Peer, Event, float], None]
    ) -> None:
        """Let a client's event pass, or let a fault happen to it."""
        if self._lost:  # before a client that is quick settles
            self._lose_put_off(now)
        key: Hashable = getattr(event, "link", peer)
        if self._held.has_line(key):
            self._held.hold(key, peer, now, lambda at: self._pass(peer, event, at, proceed))
        else:
            self._pass(peer, event, now, proceed)

    def _pass(
        self, peer: Peer, event: Event, now: float, proceed: Callable[[Peer, Event, float], None]
    ) -> None:
        act = act_of(peer, event)
        injected = None if act is None else self._faults.strike(act)
        if injected is None:
            proceed(peer, event, now)
            return
        fault = injected.fault
        if fault.action == "delay":
            due = now + fault.delay.draw(injected.chance)
            key: Hashable = getattr(event, "link", peer)
            self._held.hold(key, peer, due, lambda at: proceed(peer, event, at))
        elif fault.action == "lose-lock" and isinstance(event, events.DispositionReceived):
            self._lose_locks(event, now)
            proceed(peer, event, now)
        elif fault.action in {"refuse", "throttle"}:
            refuse(peer, event, fault)
        elif fault.action != "ignore":
            if fault.stage == "after":
                proceed(peer, event, now)
            break_off(peer, getattr(event, "link", None), fault, now)

    def delivered(self, peer: Peer, link: Link, queue: Queue, message: Message, now: float) -> None:
        """Let something happen to a message on its way to a client."""
        if not self._faults.armed("deliver"):
            return
        injected = self._faults.strike(Act("deliver", peer.container_id, queue.path, link.name))
        if injected is None:
            return
        if injected.fault.action != "lose-lock":
            break_off(peer, link, injected.fault, now)
        elif message.lock is not None:
            self._lost.append((queue, message.lock.token))
            self._lost_at = now  # not at once: the delivery is not over yet

    def disconnected(self, peer: Peer) -> None:
        """A client is gone: what was to come later comes never."""
        self._held.forget(peer)

    def clear(self) -> None:
        """Nothing that was put off happens any more."""
        self._held = Held()
        self._lost, self._lost_at = [], None

    def next_deadline(self) -> float | None:
        """When something that was put off is due."""
        held = self._held.next_deadline()
        if self._lost_at is None or (held is not None and held < self._lost_at):
            return held
        return self._lost_at

    def expire(self, now: float) -> set[Peer]:
        """Do what was put off until now; the clients that it concerned."""
        self._lose_put_off(now)
        return self._held.expire(now)

    def _lose_put_off(self, now: float) -> None:
        lost, self._lost, self._lost_at = self._lost, [], None
        for queue, token in lost:
            _lose(queue, token, now)

    def _lose_locks(self, event: events.DispositionReceived, now: float) -> None:
        with contextlib.suppress(BrokerError):
            queue = self._namespace.resolve_queue(entity_of(event.link))
            for tag in event.deliveries.values():
                _lose(queue, UUID(bytes_le=tag), now)


def _lose(queue: Queue, token: UUID, now: float) -> None:
    """End a lock as if its time were over."""
    with contextlib.suppress(BrokerError):  # it has ended already
        queue.abandon(token, now)
