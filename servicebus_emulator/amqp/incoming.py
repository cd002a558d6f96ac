"""A delivery that comes in, frame by frame (AMQP 1.0 transport 2.6.14, 2.7.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp.errors import INVALID_FIELD, LinkError
from servicebus_emulator.amqp.events import DeliveryReceived
from servicebus_emulator.amqp.outcomes import from_described

if TYPE_CHECKING:
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.performatives import Transfer


def whole_delivery(link: Link, transfer: Transfer, payload: bytes) -> DeliveryReceived:
    """Return what a delivery of one frame is, as most are.

    Raises:
        LinkError: it has no delivery-id or no delivery-tag.
    """
    delivery_id, tag = _identity_of(transfer)
    size = len(payload)
    oversized = 0 < link.max_message_size < size
    return DeliveryReceived(
        link,
        delivery_id,
        tag,
        transfer.message_format or 0,
        transfer.settled is True,
        b"" if oversized else payload,
        size,
        oversized,
        from_described(transfer.state),
    )


def _identity_of(first: Transfer) -> tuple[int, bytes]:
    delivery_id, tag = first.delivery_id, first.delivery_tag
    if delivery_id is None or tag is None:
        raise LinkError(INVALID_FIELD, "a delivery begins with delivery-id and delivery-tag")
    return delivery_id, tag


class IncomingDelivery:
    """What has come of one delivery; of one above the limit only the size is kept.

    Attributes:
        first: its first frame.
        delivery_id: from that.
        tag: likewise.
        settled: whether any of its frames said so.
        size: bytes of all payloads so far.
        oversized: it has more bytes than the link takes; none of them are kept.
        parts: the payloads so far.
    """

    __slots__ = ("_limit", "delivery_id", "first", "oversized", "parts", "settled", "size", "tag")

    def __init__(self, first: Transfer, limit: int) -> None:
        """Begin with the first frame, whose payload is still to be added.

        Args:
            first: the frame.
            limit: bytes of payload that the link takes, 0 for any number.

        Raises:
            LinkError: it has no delivery-id or no delivery-tag.
        """
        self.first = first
        self.delivery_id, self.tag = _identity_of(first)
        self.settled = False
        self.size = 0
        self.oversized = False
        self.parts: list[bytes] = []
        self._limit = limit

    def add(self, transfer: Transfer, payload: bytes) -> None:
        """Take the next frame.

        Raises:
            LinkError: it belongs to another delivery.
        """
        if transfer.delivery_id not in (None, self.delivery_id):
            raise LinkError(INVALID_FIELD, "delivery-id changed within a delivery")
        if transfer.settled:
            self.settled = True
        self.size += len(payload)
        self.oversized = 0 < self._limit < self.size
        if self.oversized:
            self.parts.clear()
        elif payload:  # empty frames could go on for ever
            self.parts.append(payload)

    def payload(self) -> bytes:
        """All of it in one piece."""
        parts = self.parts
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def whole(self, link: Link) -> DeliveryReceived:
        """Return what has come on `link`, after its last frame."""
        return DeliveryReceived(
            link,
            self.delivery_id,
            self.tag,
            self.first.message_format or 0,
            self.settled,
            self.payload(),
            self.size,
            self.oversized,
            from_described(self.first.state),
        )
