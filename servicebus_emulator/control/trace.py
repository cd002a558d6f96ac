"""Frames in readable form, one line each, secrets left out.

    [3 worker-7] → attach ch=0 name='orders-1' handle=0 role=receiver source='orders' target='r'

`→` comes from the client, `←` goes to it. Payload is told by its size alone, passwords not at all:
tokens travel as payload of `$cbs` links, passwords in SASL frames.
"""

from __future__ import annotations

import struct
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.framing import AMQP_FRAME, HEADER_SIZE, SASL_FRAME
from servicebus_emulator.amqp.outcomes import from_described
from servicebus_emulator.amqp.performatives import Source, Target, Transfer
from servicebus_emulator.amqp.sasl_frames import SaslInit, SaslOutcome, SaslResponse
from servicebus_emulator.amqp.schemas import decode_performative, decode_sasl_frame
from servicebus_emulator.amqp.types import Described

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.control.wire_faults import Wire
    from servicebus_emulator.nodes.peer import Peer

_HEADER = struct.Struct(">IBBH")
_PROTOCOLS = {0: "AMQP", 2: "TLS", 3: "SASL"}
_LARGEST_FRAME = 16 * 1024 * 1024
_LONGEST_VALUE = 120
_SECRET = (SaslInit, SaslResponse)


class Trace:
    """Tells all frames of all connections.

    Args:
        tell: Is given each line.

    Attributes:
        faults: What happens to the bytes besides; what is left of them is told.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.faults: Wire | None = None
        self._streams: dict[tuple[Peer, str], _Stream] = {}

    def incoming(self, peer: Peer, data: bytes, /) -> None:
        """Tell frames of a client."""
        self._take(peer, "→", data)

    def outgoing(self, peer: Peer, data: bytes, /) -> bytes:
        """Tell frames for a client."""
        if self.faults is not None:
            data = self.faults.outgoing(peer, data)
        self._take(peer, "←", data)
        return data

    def delay(self, peer: Peer, /) -> float:
        """As the faults have it."""
        return 0.0 if self.faults is None else self.faults.delay(peer)

    def gone(self, peer: Peer, /) -> None:
        """A client is gone."""
        for direction in "→←":
            self._streams.pop((peer, direction), None)
        self._tell(f"{_name(peer)} gone")

    def _take(self, peer: Peer, direction: str, data: bytes) -> None:
        stream = self._streams.setdefault((peer, direction), _Stream())
        for line in stream.lines(data):
            self._tell(f"{_name(peer)} {direction} {line}")


class _Stream:
    """One direction of a connection, cut into frames."""

    def __init__(self) -> None:
        self._buffer = b""
        self._is_readable = True

    def lines(self, data: bytes) -> list[str]:
        """The frames that have become whole, as text."""
        if not self._is_readable:
            return []
        self._buffer += data
        lines: list[str] = []
        while len(self._buffer) >= HEADER_SIZE:
            size = HEADER_SIZE if self._buffer.startswith(b"AMQP") else self._size()
            if not HEADER_SIZE <= size <= _LARGEST_FRAME:
                self._is_readable = False
                self._buffer = b""
                return [*lines, f"a frame of {size} bytes; the rest cannot be read"]
            if len(self._buffer) < size:
                break
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            lines.append(_line(frame))
        return lines

    def _size(self) -> int:
        size: int = _HEADER.unpack_from(self._buffer)[0]
        return size


def _line(frame: bytes) -> str:
    if frame.startswith(b"AMQP"):
        protocol = _PROTOCOLS.get(frame[4], str(frame[4]))
        return f"header {protocol} {frame[5]}.{frame[6]}.{frame[7]}"
    size, offset, kind, channel = _HEADER.unpack_from(frame)
    start = offset * 4
    if start >= size:
        return "empty frame" if start == size else f"unreadable frame of {size} bytes"
    try:
        if kind == SASL_FRAME:
            return _sasl(decode_sasl_frame(frame, start, size))
        if kind == AMQP_FRAME:
            performative, end = decode_performative(frame, start, size)
            return _performative(performative, channel, size - end)
    except DecodeError as fault:
        return f"unreadable frame of {size} bytes: {fault.description}"
    return f"frame of type {kind}, {size} bytes"


def _sasl(frame: Any) -> str:
    name = type(frame).__name__.replace("Sasl", "sasl-").casefold()
    if isinstance(frame, SaslInit):
        return f"{name} mechanism={frame.mechanism} response=***"
    if isinstance(frame, SaslOutcome):
        return f"{name} code={frame.code}"
    return name if isinstance(frame, _SECRET) else f"{name}{_values(frame)}"


def _performative(performative: Any, channel: int, payload: int) -> str:
    text = f"{type(performative).__name__.casefold()} ch={channel}{_values(performative)}"
    return f"{text} ({payload} bytes)" if isinstance(performative, Transfer) else text


def _values(frame: Any) -> str:
    """The fields that say something: those that are not what they are by default."""
    shown = []
    for field in fields(frame):
        value = getattr(frame, field.name)
        if value is None or value in (field.default, {}):
            continue
        shown.append(f" {field.name.replace('_', '-')}={_shown(field.name, value)}")
    return "".join(shown)


def _shown(name: str, value: Any) -> str:
    if name == "role":
        return "receiver" if value else "sender"
    if isinstance(value, Source | Target):
        text = _terminus(value)
    elif isinstance(value, Described):
        text = repr(_state(value))
    else:
        text = value.hex() if isinstance(value, bytes) else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _terminus(value: Source | Target) -> str:
    wanted = getattr(value, "filter", None)
    return repr(value.address) + (f" filter={wanted!r}" if wanted else "")


def _state(value: Described) -> object:
    try:
        return from_described(value)
    except DecodeError:
        return value


def _name(peer: Peer) -> str:
    return f"[{peer.number} {peer.container_id or peer.address}]"
