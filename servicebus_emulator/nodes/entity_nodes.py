"""The nodes of the namespace's entities: made for the first link, dropped after the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.broker.errors import EntityNotFound
from servicebus_emulator.nodes.conditions import amqp_error
from servicebus_emulator.nodes.queue_node import QueueNode

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.broker.queue import Queue
    from servicebus_emulator.nodes.peer import Peer


class EntityNodes:
    """Finds the node of an entity, and pumps those that have something to deliver."""

    def __init__(self, namespace: Namespace, new_id: Callable[[], UUID]) -> None:
        self._namespace = namespace
        self._new_id = new_id
        self._nodes: dict[Queue, QueueNode] = {}
        self._due: dict[QueueNode, None] = {}

    def node(self, path: str) -> QueueNode:
        """The node of an entity.

        Raises:
            EntityNotFound: There is no such entity.
        """
        queue = self._namespace.resolve(path)
        node = self._nodes.get(queue)
        if node is None:
            node = self._nodes[queue] = QueueNode(queue, self._due, self._new_id)
        return node

    def pump(self, now: float) -> dict[Peer, None]:
        """Deliver what has become available; the clients that were sent something."""
        touched: dict[Peer, None] = {}
        while True:
            for queue in self._namespace.take_ready():
                if (node := self._nodes.get(queue)) is not None:
                    self._due[node] = None
            if not self._due:
                return touched
            node, _ = self._due.popitem()
            if node.is_unused:
                self._nodes.pop(node.queue, None)
            else:
                node.pump(now, touched)

    def detach_deleted(self) -> dict[Peer, None]:
        """End the links of entities that are gone; the clients that were told so."""
        touched: dict[Peer, None] = {}
        for node in tuple(self._nodes.values()):
            try:
                if self._namespace.resolve(node.queue.path) is not node.queue:  # deleted, made anew
                    node.detach_all(amqp_error(EntityNotFound(node.queue.path)), touched)
            except EntityNotFound as error:
                node.detach_all(amqp_error(error), touched)
        return touched
