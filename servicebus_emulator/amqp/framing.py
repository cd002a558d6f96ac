"""Frames: bytes on the wire to frame bodies, and back (AMQP 1.0 transport 2.2 and 2.3)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from servicebus_emulator.amqp.errors import FramingError

AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
HEADER_SIZE: Final = 8
#: Every peer accepts frames of this size (2.4.1, MIN-MAX-FRAME-SIZE).
MIN_MAX_FRAME_SIZE: Final = 512

AMQP_FRAME: Final = 0
SASL_FRAME: Final = 1

#: Size, data offset, type and channel.
FRAME_HEADER: Final = struct.Struct(">IBBH")
MIN_DATA_OFFSET: Final = 2


class Frame(NamedTuple):
    """A frame whose body is `data[start:end]`; an empty body is a sign of life (2.4.5)."""

    kind: int
    channel: int
    data: bytes
    start: int
    end: int


_new_frame = tuple.__new__  # spares a call in Python on the way of every frame


def encode_frame(body: bytes, channel: int = 0, kind: int = AMQP_FRAME) -> bytes:
    """Put a frame header before a body."""
    return frame_header(len(body), channel, kind) + body


def frame_header(body_size: int, channel: int = 0, kind: int = AMQP_FRAME) -> bytes:
    """Return the header of a frame whose body is sent apart from it."""
    return FRAME_HEADER.pack(body_size + HEADER_SIZE, MIN_DATA_OFFSET, kind, channel)


class FrameReader:
    """Cuts a byte stream, arriving in pieces of any size, into protocol headers and frames.

    Pieces are joined only when a whole unit has arrived, so the cost is linear however small
    they are; a whole unit in one piece is not copied at all.

    Attributes:
        is_empty: all that was fed has been taken.
    """

    def __init__(self, max_frame_size: int) -> None:
        self._max_frame_size = max_frame_size
        self._data = b""
        self._position = 0
        self._later: list[bytes] = []
        self._later_size = 0
        self.is_empty = True

    def feed(self, data: bytes) -> None:
        """Append bytes."""
        if self.is_empty:
            self._data = data
            self._position = 0
            self.is_empty = not data
        else:
            self._later.append(data)
            self._later_size += len(data)

    def take_header(self) -> bytes | None:
        """Take a protocol header; None until its 8 bytes are there."""
        if not self._has(HEADER_SIZE):
            return None
        start = self._position
        self._position += HEADER_SIZE
        self.is_empty = self._position == len(self._data) and not self._later
        return self._data[start : self._position]

    def take_frame(self) -> Frame | None:
        """Take a frame; None until it is complete.

        Raises:
            FramingError: a size or data offset that is impossible or beyond the limit.
        """
        here = len(self._data) - self._position
        if here < HEADER_SIZE and not (self._later and self._has(HEADER_SIZE)):
            return None
        size, offset, kind, channel = FRAME_HEADER.unpack_from(self._data, self._position)
        if size > self._max_frame_size:
            raise FramingError(f"frame of {size} bytes; the limit is {self._max_frame_size}")
        if not MIN_DATA_OFFSET * 4 <= offset * 4 <= size:
            raise FramingError(f"data offset {offset} in a frame of {size} bytes")
        if len(self._data) - self._position < size and not self._has(size):
            return None
        start, end = self._position, self._position + size
        self._position = end
        self.is_empty = end == len(self._data) and not self._later
        return _new_frame(Frame, (kind, channel, self._data, start + offset * 4, end))

    def _has(self, size: int) -> bool:
        here = len(self._data) - self._position
        if here >= size:
            return True
        if here + self._later_size < size:
            return False
        self._data = b"".join([self._data[self._position :], *self._later])
        self._position = 0
        self._later.clear()
        self._later_size = 0
        return True
