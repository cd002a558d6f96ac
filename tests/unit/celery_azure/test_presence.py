from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from celery_azure.presence import EVERY_SECONDS, Presence

if TYPE_CHECKING:
    from celery_azure.amqp.requests import Requests


class Node:
    """Writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def operation(self, name: str, body: dict[str, Any], *_: object) -> None:
        self.asked.append((name, body))


def test_somebody_who_waits_shows_now_and_then_that_it_is_there() -> None:
    node = Node()
    presence = Presence(cast("Requests", node), now=1000.0)

    presence.expire(1000.0 + EVERY_SECONDS - 1)
    assert node.asked == []
    for moment in range(10):
        presence.expire(1000.0 + EVERY_SECONDS + moment)
    assert node.asked == [("peek-message", {"from-sequence-number": 0, "message-count": 1})]
    presence.expire(1000.0 + 3 * EVERY_SECONDS)
    assert len(node.asked) == 2
