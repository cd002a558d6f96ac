"""A peer that says exactly what a test wants it to say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery_azure.amqp import frames
from celery_azure.amqp import performatives as codes
from celery_azure.amqp.codec import Described, Symbol, UInt, ULong, encode
from celery_azure.amqp.connection import Connection, State
from celery_azure.amqp.frames import Frame, FrameReader
from celery_azure.amqp.link import Link

if TYPE_CHECKING:
    from celery_azure.amqp.frames import AmqpError, Outcome

NOW = 100.0
SOURCE = Described(ULong(0x28), ["there"])
TARGET = Described(ULong(0x29), ["here"])
ACCEPTED = Described(ULong(0x24), [])
TRANSFER_LIMIT = "amqp:link:transfer-limit-exceeded"


def frame(
    descriptor: int | str,
    *fields: Any,
    payload: bytes = b"",
    kind: int = 0,
    offset: int = 2,
) -> bytes:
    """A frame with a performative, its descriptor a number or a symbol."""
    written = ULong(descriptor) if isinstance(descriptor, int) else Symbol(descriptor)
    return raw(encode(Described(written, list(fields))) + payload, kind=kind, offset=offset)


def raw(body: bytes, *, kind: int = 0, offset: int = 2) -> bytes:
    """A frame around any bytes."""
    return (len(body) + 8).to_bytes(4, "big") + bytes([offset, kind, 0, 0]) + body


def hello() -> bytes:
    """What a peer says until it has been signed in to."""
    mechanisms = frame(codes.SASL_MECHANISMS, Symbol("ANONYMOUS"), kind=1)
    return frames.SASL_HEADER + mechanisms + frame(codes.SASL_OUTCOME, 0, kind=1)


def opening(*open_fields: Any, window: int = 1000, handle_max: int = 100) -> bytes:
    """What it says then."""
    begin = frame(codes.BEGIN, 0, UInt(0), UInt(window), UInt(1000), UInt(handle_max))
    return frames.AMQP_HEADER + frame(codes.OPEN, "peer", *open_fields) + begin


def opened(*open_fields: Any, **session: int) -> Connection:
    """A connection that is open; what it has said until then is taken."""
    connection = Connection("host", "id", NOW)
    connection.receive(hello() + opening(*open_fields, **session), NOW)
    assert connection.state is State.OPEN, connection.error
    connection.take_output()
    return connection


def said(connection: Connection) -> list[Frame]:
    """What it has to say."""
    items = list(FrameReader().feed(connection.take_output()))
    return [item for item in items if isinstance(item, Frame)]


class Recorder(Link):
    """A link that tells what happens to it."""

    def __init__(self, entity: str = "jobs", *, is_receiver: bool = False) -> None:
        super().__init__(entity, entity)
        self.is_receiver = is_receiver
        self.told: list[str] = []
        self.deliveries: list[tuple[bytes, int, bytes]] = []
        self.outcomes: list[tuple[int, Outcome]] = []
        self.failure: Exception | None = None

    def on_attached(self, now: float) -> None:
        del now
        self.told.append("attached")

    def on_delivery(self, payload: bytes, delivery_id: int, tag: bytes, now: float) -> None:
        del now
        self.deliveries.append((payload, delivery_id, tag))

    def on_outcome(self, delivery_id: int, outcome: Outcome, now: float) -> None:
        del now
        self.outcomes.append((delivery_id, outcome))

    def on_down(self, error: AmqpError, now: float) -> None:
        del now
        self.told.append(error.condition)
        if self.failure is not None:
            raise self.failure


def attach(connection: Connection, link: Link, handle: int = 7) -> None:
    """Attach a link at both ends; the peer calls it by `handle`, and gives it credit."""
    connection.attach(link)
    [frame_] = said(connection)
    name, role = frame_.fields[0], not link.is_receiver
    answer = frame(
        *(codes.ATTACH, name, UInt(handle), role, 0, 0, SOURCE, TARGET, None, None, UInt(0))
    )
    if not link.is_receiver:
        answer += flow(handle=handle, credit=1000)
    connection.receive(answer, NOW)
    assert link.is_attached


def flow(
    *,
    seen: int | None = None,
    window: int = 1000,
    handle: int | None = None,
    count: int | None = 0,
    credit: int = 0,
    drain: bool = False,
    echo: bool = False,
) -> bytes:
    """A flow of the peer's."""
    session = None if seen is None else UInt(seen), UInt(window), UInt(0), UInt(1000)
    link = [
        *(None if handle is None else UInt(handle), None if count is None else UInt(count)),
        *(UInt(credit), None, drain, echo),
    ]
    return frame(codes.FLOW, *session, *link)


def transfer(
    number: int | None = 0,
    payload: bytes = b"x",
    *,
    handle: int = 7,
    more: bool = False,
    aborted: bool = False,
) -> bytes:
    """A transfer of the peer's."""
    delivery = (None, None) if number is None else (UInt(number), b"tag")
    fields = [UInt(handle), *delivery, UInt(0), False, more, None, None, None, aborted]
    return frame(codes.TRANSFER, *fields, payload=payload)


def disposition(
    first: int,
    last: int | None = None,
    *,
    settled: bool = True,
    state: Described | None = ACCEPTED,
    from_receiver: bool = True,
) -> bytes:
    """A disposition of the peer's."""
    end = None if last is None else UInt(last)
    return frame(codes.DISPOSITION, from_receiver, UInt(first), end, settled, state)
