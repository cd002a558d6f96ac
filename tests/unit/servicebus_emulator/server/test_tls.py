import asyncio
import contextlib
import ssl

import pytest

from servicebus_emulator.server.certificate import Certificate
from servicebus_emulator.server.tls import TlsProtocol
from tests.unit.servicebus_emulator.server.memory_transport import MemoryTransport, ToldProtocol

NOW = 1_700_000_000.0


class Echo(ToldProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())


class Pair:
    """A TLS client in memory, and the protocol under test."""

    def __init__(self) -> None:
        certificate = Certificate.make(["localhost"], NOW)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.echo = Echo()
        self.transport = MemoryTransport()
        self.protocol = TlsProtocol(certificate.server_context(), self.echo)
        self.protocol.connection_made(self.transport)

    def exchange(self, piece_size: int = 1 << 20) -> None:
        sent = self.outgoing.read()
        for start in range(0, len(sent), piece_size):
            self.protocol.data_received(sent[start : start + piece_size])
        self.incoming.write(self.transport.take())

    def shake_hands(self, piece_size: int = 1 << 20) -> None:
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            self.exchange(piece_size)


@pytest.mark.parametrize("piece_size", [1 << 20, 1])
def test_the_protocol_inside_reads_and_writes_plain_text(piece_size: int) -> None:
    pair = Pair()
    pair.shake_hands(piece_size)
    pair.client.write(b"hello")
    pair.exchange(piece_size)

    assert pair.client.read(100) == b"HELLO"


def test_closing_says_goodbye_before_it_closes() -> None:
    pair = Pair()
    pair.shake_hands()
    pair.echo.transport.close()
    pair.exchange()

    assert pair.client.read(1) == b""
    assert pair.transport.closed


def test_a_client_that_says_goodbye_is_let_go() -> None:
    pair = Pair()
    pair.shake_hands()
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.unwrap()
    pair.exchange()

    assert pair.transport.closed


@pytest.mark.parametrize("garbage", [b"\x16garbage that is no ClientHello", b"GET / HTTP/1.1\r\n"])
def test_garbage_closes_the_connection_and_raises_nothing(garbage: bytes) -> None:
    pair = Pair()
    pair.protocol.data_received(garbage)

    assert pair.transport.closed


def test_nothing_is_written_after_the_end() -> None:
    pair = Pair()
    pair.shake_hands()
    pair.transport.close()
    pair.echo.transport.write(b"too late")
    pair.echo.transport.close()

    assert pair.transport.take() == b""


def test_what_happens_to_the_real_transport_is_told_inside() -> None:
    pair = Pair()
    pair.protocol.pause_writing()
    pair.protocol.resume_writing()
    pair.protocol.eof_received()
    pair.protocol.connection_lost(None)

    assert pair.echo.told == ["pause", "resume", "eof", "lost"]


def test_the_protocol_inside_governs_the_real_transport() -> None:
    pair = Pair()
    inner = pair.echo.transport
    pair.transport.waiting = 7
    inner.set_write_buffer_limits(10, 5)
    inner.pause_reading()
    paused = pair.transport.reading
    inner.resume_reading()

    assert (paused, pair.transport.reading, pair.transport.limits) == (False, True, (10, 5))
    assert inner.get_write_buffer_size() == 7


def test_aborting_inside_aborts_the_real_transport() -> None:
    pair = Pair()
    pair.echo.transport.abort()

    assert pair.transport.aborted
    assert pair.echo.transport.is_closing()
