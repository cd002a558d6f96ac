import pytest

from servicebus_emulator.amqp.framing import AMQP_HEADER, SASL_FRAME, encode_frame
from servicebus_emulator.amqp.outcomes import Accepted
from servicebus_emulator.amqp.performatives import Disposition
from servicebus_emulator.amqp.sasl_frames import SaslMechanisms, SaslOutcome, SaslResponse
from servicebus_emulator.amqp.schemas import SaslFrame, encode_body
from servicebus_emulator.amqp.types import Described, ULong
from servicebus_emulator.control.faults import Fault, Faults
from servicebus_emulator.control.trace import Trace
from servicebus_emulator.control.wire_faults import WireFaults
from servicebus_emulator.nodes.peer import Peer
from servicebus_emulator.nodes.sas import ROOT_KEY
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body


class Ear:
    """Hears what a trace tells about one client."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.trace = Trace(self.lines.append)
        self.peer = Peer(Client(World()).peer.connection, 0.0)
        self.peer.number, self.peer.container_id = 3, "worker"

    def hear(self, *chunks: bytes) -> list[str]:
        for chunk in chunks:
            self.trace.incoming(self.peer, chunk)
        return [line.removeprefix("[3 worker] → ") for line in self.lines]


@pytest.fixture
def ear() -> Ear:
    return Ear()


def conversation() -> list[bytes]:
    """All that a client writes: it opens, sends a message, receives it, completes it."""
    world = World()
    client = Client(world)
    client.send(client.sender(), body("a"))
    client.outcomes()
    client.receiver(credit=1)
    client.settle(client.deliveries()[0], Accepted())
    return world.received


def test_frames_are_told_by_their_names_and_fields(ear: Ear) -> None:
    lines = ear.hear(*conversation())
    names = [line.partition(" ")[0] for line in lines]

    assert names[:4] == ["header", "sasl-init", "header", "open"]
    assert names[4:] == ["begin", "attach", "transfer", "attach", "flow", "disposition"]
    assert "header SASL 1.0.0" in lines
    assert any("role=sender" in line and "target='orders'" in line for line in lines)
    assert any("role=receiver" in line and "source='orders'" in line for line in lines)


def test_a_settlement_is_told_by_its_outcome(ear: Ear) -> None:
    [line] = [line for line in ear.hear(*conversation()) if "disposition" in line]

    assert "state=Accepted()" in line


def test_payload_is_told_by_its_size(ear: Ear) -> None:
    [line] = [line for line in ear.hear(*conversation()) if line.startswith("transfer")]

    assert line.endswith(f"({len(body('a'))} bytes)")


def test_passwords_are_not_told(ear: Ear) -> None:
    text = "\n".join(ear.hear(*conversation()))

    assert ROOT_KEY.key not in text
    assert ROOT_KEY.key.encode().hex() not in text
    assert "mechanism=PLAIN response=***" in text


def sasl(frame: SaslFrame) -> bytes:
    return encode_frame(encode_body(frame), kind=SASL_FRAME)


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (sasl(SaslMechanisms(("PLAIN",))), "sasl-mechanisms mechanisms=('PLAIN',)"),
        (sasl(SaslOutcome(1)), "sasl-outcome code=1"),
        (sasl(SaslResponse(b"secret")), "sasl-response"),
    ],
)
def test_an_authentication_is_told_without_its_secrets(ear: Ear, frame: bytes, line: str) -> None:
    assert ear.hear(frame) == [line]


def test_an_outcome_that_cannot_be_read_is_told_as_it_came(ear: Ear) -> None:
    malformed = Described(ULong(0x25), [1])
    [line] = ear.hear(encode_frame(encode_body(Disposition(True, 0, state=malformed))))

    assert line.endswith(f"state={malformed!r}")


def test_pieces_of_frames_are_put_together(ear: Ear) -> None:
    stream = b"".join(conversation())
    whole = Ear().hear(stream)

    assert ear.hear(*(stream[at : at + 1] for at in range(len(stream)))) == whole


@pytest.mark.parametrize(
    ("stream", "line"),
    [
        (encode_frame(b""), "empty frame"),
        (encode_frame(b"garbage"), "unreadable frame of 15 bytes"),
        (encode_frame(b"x", kind=7), "frame of type 7, 9 bytes"),
        (b"\0\0\0\x08\xff\0\0\0", "unreadable frame of 8 bytes"),
        (b"AMQP\x02\1\0\0", "header TLS 1.0.0"),
        (b"AMQP\x09\1\0\0", "header 9 1.0.0"),
        (b"\xff\xff\xff\xff\0\0\0\0", "the rest cannot be read"),
    ],
)
def test_what_is_no_frame_is_told_as_well(ear: Ear, stream: bytes, line: str) -> None:
    assert line in ear.hear(stream)[-1]


def test_after_an_impossible_frame_nothing_more_is_told(ear: Ear) -> None:
    ear.hear(b"\0\0\0\1\0\0\0\0")

    assert len(ear.hear(AMQP_HEADER)) == 1


def test_both_directions_and_the_end_are_told(ear: Ear) -> None:
    ear.peer.container_id, ear.peer.address = "", "127.0.0.1:9"
    assert ear.trace.outgoing(ear.peer, AMQP_HEADER) == AMQP_HEADER
    ear.trace.incoming(ear.peer, AMQP_HEADER)
    ear.trace.gone(ear.peer)

    assert ear.lines == [
        "[3 127.0.0.1:9] ← header AMQP 1.0.0",
        "[3 127.0.0.1:9] → header AMQP 1.0.0",
        "[3 127.0.0.1:9] gone",
    ]
    assert ear.trace.delay(ear.peer) == 0.0


def test_what_faults_leave_of_the_bytes_is_told(ear: Ear) -> None:
    faults = Faults(lambda _: lambda: 0.5)
    faults.add(Fault("frame", "drop", after=1))
    faults.add(Fault("network", "delay", delay=2))
    ear.trace.faults = WireFaults(faults)

    assert ear.trace.outgoing(ear.peer, AMQP_HEADER * 2) == AMQP_HEADER
    assert (len(ear.lines), ear.trace.delay(ear.peer)) == (1, 2.0)


def test_long_values_are_cut_and_filters_shown(ear: Ear) -> None:
    world = World()
    Client(world).receiver("orders", filters={"f": "x" * 500})
    [line] = [line for line in ear.hear(*world.received) if line.startswith("attach")]

    assert "filter={" in line
    assert len(line) < 400
