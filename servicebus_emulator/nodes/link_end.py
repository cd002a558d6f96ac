"""What a node keeps for one link: the connection's events about the link arrive here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp.performatives import SENDER

if TYPE_CHECKING:
    from servicebus_emulator.amqp.events import DeliveryReceived, DispositionReceived, LinkFlow
    from servicebus_emulator.amqp.link import Link


class LinkEnd:
    """Our end of a link, with a calm answer to everything that its node does not expect."""

    __slots__ = ("link",)

    def __init__(self, link: Link) -> None:
        self.link = link

    def on_flow(self, flow: LinkFlow) -> None:
        """The client granted credit; when it drains, say that nothing is left."""
        if flow.drain and self.link.role == SENDER and self.link.attached:
            self.link.drained()

    def on_delivery(self, delivery: DeliveryReceived, now: float) -> None:
        """The client sent something."""

    def on_disposition(self, disposition: DispositionReceived, now: float) -> None:
        """The client said what became of deliveries."""

    def on_writable(self) -> None:
        """The client reads again, or opened its session window."""

    def on_gone(self, now: float) -> None:
        """The link, its session or its connection has ended."""
