"""What a connection, its sessions and its links share: the way out, and the list of events."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from servicebus_emulator.amqp.errors import RESOURCE_LIMIT_EXCEEDED, ProtocolError
from servicebus_emulator.amqp.fast_paths import accepted_frame
from servicebus_emulator.amqp.framing import (
    AMQP_FRAME,
    FRAME_HEADER,
    HEADER_SIZE,
    MIN_DATA_OFFSET,
    MIN_MAX_FRAME_SIZE,
)

if TYPE_CHECKING:
    from servicebus_emulator.amqp.events import Event
    from servicebus_emulator.amqp.link import Link

_MOST_UNFINISHED = 256


class Outlet:
    """Frames to send, in order, and events to report, in order.

    Accepting deliveries one by one is what brokers and clients do most. Neighbours are held
    back until anything else is written, and leave as one disposition (transport 2.7.6).

    Attributes:
        max_frame_size: the peer's limit in bytes.
        events: reported and not yet taken.
        unfinished: links on which a part of a delivery has come, and not yet the whole.
    """

    __slots__ = ("_accepted", "_chunks", "events", "max_frame_size", "unfinished")

    def __init__(self) -> None:
        self.max_frame_size = MIN_MAX_FRAME_SIZE
        self.events: deque[Event] = deque()
        self._chunks: list[bytes] = []
        self.unfinished: dict[Link, None] = {}
        self._accepted: tuple[int, bool, int, int] | None = None

    def write(self, channel: int, body: bytes, payload: bytes = b"") -> None:
        """Send a frame of a body and, for transfers, a payload."""
        if self._accepted is not None:  # spares a call on the way of every transfer
            self._flush_accepted()
        size = len(body) + len(payload) + HEADER_SIZE
        self._chunks += (
            FRAME_HEADER.pack(size, MIN_DATA_OFFSET, AMQP_FRAME, channel),
            body,
            payload,
        )

    def write_raw(self, data: bytes) -> None:
        """Send bytes as they are: protocol headers, SASL frames, empty frames."""
        self._flush_accepted()
        self._chunks.append(data)

    def accept(self, channel: int, role: bool, delivery_id: int) -> None:
        """Send disposition(accepted, settled) for a delivery, together with its neighbours."""
        if self._accepted is not None:
            held_channel, held_role, first, last = self._accepted
            if held_channel == channel and held_role is role and delivery_id == last + 1:
                self._accepted = (channel, role, first, delivery_id)
                return
            self._flush_accepted()
        self._accepted = (channel, role, delivery_id, delivery_id)

    def _flush_accepted(self) -> None:
        if self._accepted is not None:
            self._chunks.append(accepted_frame(*self._accepted))
            self._accepted = None

    def note_unfinished(self, link: Link) -> None:
        """A part of a delivery has come.

        Raises:
            ProtocolError: parts of too many are held at the same time; each can be large.
        """
        unfinished = self.unfinished
        unfinished[link] = None
        if len(unfinished) <= _MOST_UNFINISHED:
            return
        for each in [each for each in unfinished if not each.attached]:
            del unfinished[each]
        if len(unfinished) > _MOST_UNFINISHED:
            raise ProtocolError(
                RESOURCE_LIMIT_EXCEEDED,
                f"more than {_MOST_UNFINISHED} deliveries are begun and none is finished",
            )

    def take(self) -> bytes:
        """Take everything that waits to be sent."""
        self._flush_accepted()
        data = b"".join(self._chunks)
        self._chunks.clear()
        return data
