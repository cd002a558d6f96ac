"""Faults of the operation `now`: they happen to everybody who is there, and then they are over."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.control.acts import entity_of
from servicebus_emulator.control.breakage import break_off
from servicebus_emulator.control.entities import queues_of
from servicebus_emulator.control.faults import Act, matches
from servicebus_emulator.nodes.cbs_node import CBS_NODE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.control.faults import Fault, Injected
    from servicebus_emulator.nodes.peer import Peer


def strike(
    injected: Injected, peers: Iterable[Peer], namespace: Namespace, now: float
) -> list[Peer]:
    """Let a fault happen; the clients that were hit. `injected` counts what was hit."""
    fault = injected.fault
    if fault.action == "lose-lock":
        _lose_locks(injected, namespace, now)
        return []
    hit: list[Peer] = []
    for peer in tuple(peers):
        links = _links(fault, peer)
        if fault.action in {"detach", "expire-tokens"}:
            _end_links(injected, peer, links, now)
        elif (links or _is_meant(fault, peer)) and injected.strikes():
            break_off(peer, None, fault, now)
        hit.append(peer)
    return hit


def _end_links(injected: Injected, peer: Peer, links: list[Link], now: float) -> None:
    fault = injected.fault
    if fault.action == "expire-tokens" and (links or _is_meant(fault, peer)):
        peer.revoke()
    for link in links:
        if injected.strikes():
            break_off(peer, link, fault, now)


def _links(fault: Fault, peer: Peer) -> list[Link]:
    """The links of a client that a fault is meant for; `$cbs` only when it is named."""
    return [link for link in peer.ends if _hits(fault, peer, link)]


def _hits(fault: Fault, peer: Peer, link: Link) -> bool:
    entity = entity_of(link)
    if entity.casefold() == CBS_NODE and fault.entity == "*":
        return False
    return matches(fault, Act("now", peer.container_id, entity, link.name))


def _is_meant(fault: Fault, peer: Peer) -> bool:
    """Whether a fault is meant for a client as a whole, whatever links it has."""
    return fault.entity == fault.link == "*" and matches(fault, Act("now", peer.container_id))


def _lose_locks(injected: Injected, namespace: Namespace, now: float) -> None:
    for queue in queues_of(namespace):
        if not matches(injected.fault, Act("now", "", queue.path)):
            continue
        for message in queue.peek(0, len(queue), now):
            if message.lock is not None and injected.strikes():
                with contextlib.suppress(BrokerError):
                    queue.abandon(message.lock.token, now)
