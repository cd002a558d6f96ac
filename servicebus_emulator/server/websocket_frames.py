"""WebSocket frames (RFC 6455) from the server's side: bytes in, payload and control frames out.

Nothing here waits or writes. Payload is passed on as it arrives, so that a frame of any length
needs no memory; AMQP is a stream and does not care where messages end.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

NORMAL_CLOSURE = 1000
PROTOCOL_ERROR = 1002
UNSUPPORTED_DATA = 1003

_FIN = 0x80
_RESERVED = 0x70
_OPCODE = 0x0F
_MASKED = 0x80
_LENGTH = 0x7F
_TWO_BYTES = 126
_EIGHT_BYTES = 127
_MASK_SIZE = 4
_LARGEST_CONTROL = 125
_UINT16, _UINT64 = struct.Struct(">H"), struct.Struct(">Q")
_LARGEST_UINT16 = 0xFFFF
_KNOWN = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))


class WebSocketError(Exception):
    """The client broke the protocol; the connection is closed with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Piece(NamedTuple):
    """A piece of a binary message, or a whole control frame."""

    opcode: int
    data: bytes


class FrameDecoder:
    """One connection's frames. Feed it, then call `next_piece` until it gives None."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._opcode = 0
        self._missing = 0  # payload bytes of the current frame
        self._mask = b""
        self._in_message = False

    def feed(self, data: bytes) -> None:
        """Take bytes as they came off the wire."""
        self._buffer += data

    def next_piece(self) -> Piece | None:
        """What has arrived; None while bytes are missing.

        Raises:
            WebSocketError: The client may not send this.
        """
        while not self._missing:
            if not self._read_header():
                return None
            if not self._missing:
                return Piece(self._opcode, b"")
        if self._opcode >= CLOSE and len(self._buffer) < self._missing:
            return None
        if not self._buffer:
            return None
        taken = bytes(self._buffer[: self._missing])
        del self._buffer[: len(taken)]
        self._missing -= len(taken)
        data = _unmasked(taken, self._mask)
        turn = len(taken) % _MASK_SIZE
        self._mask = self._mask[turn:] + self._mask[:turn]
        return Piece(BINARY if self._opcode == CONTINUATION else self._opcode, data)

    def _read_header(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:  # noqa: PLR2004 (flags and length)
            return False
        first, second = buffer[0], buffer[1]
        self._check(first, second)
        opcode, length = first & _OPCODE, second & _LENGTH
        extra = {_TWO_BYTES: 2, _EIGHT_BYTES: 8}.get(length, 0)
        size = 2 + extra + _MASK_SIZE
        if len(buffer) < size:
            return False
        if extra:
            length = (_UINT16 if length == _TWO_BYTES else _UINT64).unpack_from(buffer, 2)[0]
        self._mask = bytes(buffer[2 + extra : size])
        del buffer[:size]
        self._opcode, self._missing = opcode, length
        if opcode < CLOSE:
            self._in_message = not first & _FIN
        return True

    def _check(self, first: int, second: int) -> None:
        opcode, is_last = first & _OPCODE, bool(first & _FIN)
        if first & _RESERVED or opcode not in _KNOWN:
            raise WebSocketError(PROTOCOL_ERROR, "a reserved bit or opcode")
        if not second & _MASKED:
            raise WebSocketError(PROTOCOL_ERROR, "a client's frame that is not masked")
        if opcode == TEXT:
            raise WebSocketError(UNSUPPORTED_DATA, "AMQP is binary")
        if opcode >= CLOSE:
            if not is_last or second & _LENGTH > _LARGEST_CONTROL:
                raise WebSocketError(PROTOCOL_ERROR, "a control frame in pieces, or too long")
        elif (opcode == CONTINUATION) is not self._in_message:
            raise WebSocketError(PROTOCOL_ERROR, "a message within a message, or half of one")


def encode(opcode: int, data: bytes | bytearray | memoryview = b"") -> bytes:
    """A whole frame from the server, which masks nothing."""
    size = len(data)
    if size < _TWO_BYTES:
        head = bytes([_FIN | opcode, size])
    elif size <= _LARGEST_UINT16:
        head = bytes([_FIN | opcode, _TWO_BYTES]) + _UINT16.pack(size)
    else:
        head = bytes([_FIN | opcode, _EIGHT_BYTES]) + _UINT64.pack(size)
    return head + bytes(data)


def encode_close(code: int) -> bytes:
    """A close frame."""
    return encode(CLOSE, _UINT16.pack(code))


def _unmasked(data: bytes, mask: bytes) -> bytes:
    """Each byte xor that of the mask which it meets."""
    size = len(data)
    repeated = (mask * (size // _MASK_SIZE + 1))[:size]
    value = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
    return value.to_bytes(size, "big")
