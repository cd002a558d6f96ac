"""The nodes of the namespace's entities: made for the first link, dropped after the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.broker.errors import EntityNotFound
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.timers import Timers
from servicebus_emulator.nodes.conditions import amqp_error
from servicebus_emulator.nodes.entity_node import EntityNode
from servicebus_emulator.nodes.queue_node import QueueNode
from servicebus_emulator.nodes.session_node import SessionNode, SessionSeeker

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.broker.topic import Topic
    from servicebus_emulator.nodes.peer import Peer


class EntityNodes:
    """Finds the node of an entity, and pumps those that have something to deliver.

    Attributes:
        next_deadline: Tells when `expire` has something to do; None for never.
    """

    def __init__(self, namespace: Namespace, new_id: Callable[[], UUID]) -> None:
        self._namespace = namespace
        self._new_id = new_id
        self._nodes: dict[Intake, EntityNode] = {}
        self._due: dict[EntityNode, None] = {}
        self._seekers: Timers[SessionSeeker] = Timers()
        self.next_deadline = self._seekers.next

    def intake(self, path: str) -> EntityNode:
        """The node that messages are sent to.

        Raises:
            EntityNotFound: There is no such entity.
        """
        entity = self._namespace.resolve(path)
        if isinstance(entity, Queue):
            return self._queue_node(entity)
        return self._node(entity)

    def outlet(self, path: str) -> QueueNode:
        """The node that messages are received from.

        Raises:
            EntityNotFound: There is no such entity.
            OperationNotAllowed: It is a topic.
        """
        return self._queue_node(self._namespace.resolve_queue(path))

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
                self._nodes.pop(node.entity, None)
            else:
                node.pump(now, touched)

    def detach_deleted(self, now: float) -> dict[Peer, None]:
        """End the links of entities that are gone; the clients that were told so."""
        touched: dict[Peer, None] = {}
        for node in tuple(self._nodes.values()):
            path = node.entity.path
            try:
                if self._namespace.resolve(path) is not node.entity:  # deleted, made anew
                    node.detach_all(amqp_error(EntityNotFound(path)), touched, now)
            except EntityNotFound as error:
                node.detach_all(amqp_error(error), touched, now)
        return touched

    def expire(self, now: float) -> set[Peer]:
        """Send those away who have waited in vain; the clients that were told so."""
        touched: set[Peer] = set()
        while (seeker := self._seekers.pop_due(now)) is not None:
            seeker.give_up(now)
            touched.add(seeker.peer)
        return touched

    def _queue_node(self, queue: Queue) -> QueueNode:
        node = self._nodes.get(queue)
        if not isinstance(node, QueueNode):
            if queue.sessions is None:
                node = QueueNode(queue, self._due, self._new_id)
            else:
                node = SessionNode(queue, self._due, self._new_id, self._seekers)
            self._nodes[queue] = node
        return node

    def _node(self, topic: Topic) -> EntityNode:
        node = self._nodes.get(topic)
        if node is None:
            node = self._nodes[topic] = EntityNode(topic, self._due, self._new_id)
        return node
