"""An entity as a node: the links on which clients send to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp.types import Symbol, ULong
from servicebus_emulator.nodes.queue_links import EntityInlet

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.amqp.errors import AmqpError
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.nodes.link_end import LinkEnd
    from servicebus_emulator.nodes.peer import Peer

MAX_BATCH_SIZE = Symbol("com.microsoft:max-message-batch-size")
"""A property of a link on which a client sends: bytes that one batch can have."""
SEND_CREDIT = 1000


class EntityNode:
    """The links of one entity.

    Args:
        entity: A queue, a subscription, a dead-letter queue or a topic.
        due: Where the node puts itself when it has to be pumped.
        new_id: Makes identities for messages that come without.
    """

    def __init__(
        self, entity: Intake, due: dict[EntityNode, None], new_id: Callable[[], UUID]
    ) -> None:
        self.entity = entity
        self._new_id = new_id
        self._due = due
        self._ends: dict[LinkEnd, Peer] = {}

    @property
    def is_unused(self) -> bool:
        """Whether no link ends here."""
        return not self._ends

    def attach_inlet(self, link: Link, peer: Peer) -> EntityInlet:
        """Let a client send to the entity."""
        limit = self.entity.max_message_size
        link.accept(
            max_message_size=limit,
            credit_window=SEND_CREDIT,
            properties={MAX_BATCH_SIZE: ULong(self.entity.max_batch_size)},
        )
        inlet = EntityInlet(link, self, peer, self._new_id)
        self._ends[inlet] = peer
        return inlet

    def remove(self, end: LinkEnd, now: float) -> None:
        """A link has ended."""
        del now
        self._ends.pop(end, None)
        self._due[self] = None

    def pump(self, now: float, touched: dict[Peer, None]) -> None:
        """Deliver what there is; from an entity that is only sent to, nothing."""

    def detach_all(self, error: AmqpError, touched: dict[Peer, None], now: float) -> None:
        """The entity is gone: so are its links."""
        for end, peer in tuple(self._ends.items()):
            end.link.detach(error)
            peer.forget(end.link, now)
            touched[peer] = None
