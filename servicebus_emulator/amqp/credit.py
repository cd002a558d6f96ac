"""The flow control of one end of a link (AMQP 1.0 transport 2.6.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp.errors import INVALID_FIELD, LinkError
from servicebus_emulator.amqp.serial import SERIAL_MASK, serial_distance

if TYPE_CHECKING:
    from servicebus_emulator.amqp.performatives import Flow


class Credit:
    """How many deliveries may still be sent, as this end knows it.

    Attributes:
        left: link-credit.
        delivery_count: changes with each delivery, and when credit is used up.
        drain: the receiver wants what is left to be used up.
    """

    __slots__ = ("delivery_count", "drain", "left")

    def __init__(self) -> None:
        self.left = 0
        self.delivery_count = 0
        self.drain = False

    def spend(self) -> None:
        """One delivery was sent, or has come; a sender may send some without credit."""
        if self.left > 0:
            self.left -= 1
        self.delivery_count = (self.delivery_count + 1) & SERIAL_MASK

    def use_up(self) -> None:
        """Sender: nothing is left to send, as an answer to drain."""
        self.delivery_count = (self.delivery_count + self.left) & SERIAL_MASK
        self.left = 0

    def take_receivers(self, flow: Flow) -> None:
        """Sender: take what the receiver says.

        Raises:
            LinkError: it says no link-credit.
        """
        if flow.link_credit is None:
            raise LinkError(INVALID_FIELD, "a receiver's flow must give link-credit")
        # Without a delivery-count the receiver has not seen our initial one, which is 0.
        limit = (flow.delivery_count or 0) + flow.link_credit
        self.left = max(0, serial_distance(self.delivery_count, limit & SERIAL_MASK))
        self.drain = flow.drain

    def take_senders(self, flow: Flow) -> None:
        """Receiver: take what the sender says; its delivery-count may have passed ours."""
        if flow.delivery_count is not None:
            passed = serial_distance(self.delivery_count, flow.delivery_count)
            self.left = max(0, self.left - max(0, passed))
            self.delivery_count = flow.delivery_count
        if flow.drain:
            self.drain = False
