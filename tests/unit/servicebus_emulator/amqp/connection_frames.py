"""One end of a connection, the frames that it is given, and what it says to them."""

from __future__ import annotations

from typing import Any

from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.amqp.events import (
    ConnectionClosed,
    Event,
    ProtocolFailed,
)
from servicebus_emulator.amqp.framing import (
    AMQP_HEADER,
    SASL_FRAME,
    FrameReader,
    encode_frame,
)
from servicebus_emulator.amqp.performatives import (
    Open,
)
from servicebus_emulator.amqp.schemas import (
    Performative,
    SaslFrame,
    decode_performative,
    encode_body,
)

NOW = 1000.0


def server(**options: Any) -> Connection:
    return Connection("server", "me", now=NOW, **options)


def frame(performative: Performative, channel: int = 0) -> bytes:
    return encode_frame(encode_body(performative), channel)


def sasl_frame(body: SaslFrame) -> bytes:
    return encode_frame(encode_body(body), kind=SASL_FRAME)


def events(connection: Connection) -> list[Event]:
    told = list(connection.events)
    connection.events.clear()
    return told


def sent(connection: Connection) -> list[Performative]:
    """Read what a connection without SASL has sent after its header."""
    reader = FrameReader(1 << 20)
    reader.feed(connection.data_to_send().removeprefix(AMQP_HEADER))
    frames = []
    while (unit := reader.take_frame()) is not None:
        frames.append(decode_performative(unit.data, unit.start, unit.end)[0])
    return frames


def opened(**options: Any) -> Connection:
    connection = server(**options)
    connection.receive_data(AMQP_HEADER + frame(Open("peer", channel_max=9)), NOW)
    connection.data_to_send()
    events(connection)
    return connection


def assert_failed(connection: Connection, condition: str) -> None:
    failed, closed = events(connection)
    assert isinstance(failed, ProtocolFailed)
    assert isinstance(closed, ConnectionClosed)
    assert closed.error is not None
    assert failed.condition == closed.error.condition == condition
