from __future__ import annotations

import pytest

from servicebus_emulator.amqp.codec import decode, encode
from servicebus_emulator.amqp.errors import AmqpError, DecodeError
from servicebus_emulator.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    Source,
    Target,
    Transfer,
)
from servicebus_emulator.amqp.sasl_frames import (
    SaslChallenge,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    SaslResponse,
)
from servicebus_emulator.amqp.schemas import (
    Performative,
    SaslFrame,
    decode_performative,
    decode_sasl_frame,
    encode_body,
)
from servicebus_emulator.amqp.types import Described, Symbol, UInt, ULong

ERROR = AmqpError("amqp:not-found", "no such thing", {Symbol("hint"): "look"})
SOURCE = Source(
    "a",
    1,
    "never",
    2,
    True,
    {"p": 1},
    "copy",
    {"f": None},
    Described(ULong(0x26), []),
    ("x:y",),
    ("c",),
)
TARGET = Target("b", 1, "never", 2, True, {}, ("c",))
PERFORMATIVES: list[Performative] = [
    Open("id"),
    Open("id", "host", 512, 1, 1000, ("en",), ("de", "fr"), ("o",), ("d",), {Symbol("k"): UInt(1)}),
    Begin(None, 0, 1, 2),
    Begin(3, 4, 5, 6, 7, ("o",), ("d",), {"k": 1}),
    Attach("link", 0, False),
    Attach("link", 1, True, 1, 1, SOURCE, TARGET, {}, True, 0, 9,
           ("o",), ("d",), {Symbol("k"): [1]}),
    Attach("link", 1, False, target=Described(ULong(0x30), [None])),
    Flow(None, 1, 2, 3),
    Flow(0, 1, 2, 3, 4, 5, 6, 7, True, True, {"k": 1}),
    Transfer(1, 2, b"tag", 0, True, True, 1, Described(ULong(0x24), []), True, True, True),
    Disposition(True, 1),
    Disposition(False, 1, 2, True, Described(ULong(0x26), []), True),
    Detach(1), Detach(1, True, ERROR), End(), End(ERROR), Close(), Close(ERROR),
]  # fmt: skip
SASL_FRAMES: list[SaslFrame] = [
    SaslMechanisms(("PLAIN", "ANONYMOUS")),
    SaslInit("PLAIN", b"\0a\0b", "host"),
    SaslChallenge(b"why"),
    SaslResponse(b"because"),
    SaslOutcome(1, b"data"),
]


@pytest.mark.parametrize("frame", PERFORMATIVES)
def test_a_performative_comes_back_from_its_body(frame: Performative) -> None:
    body = encode_body(frame)
    assert decode_performative(b"--" + body + b"payload", 2, len(body) + 9) == (
        frame,
        len(body) + 2,
    )


@pytest.mark.parametrize("frame", SASL_FRAMES)
def test_a_sasl_frame_comes_back_from_its_body(frame: SaslFrame) -> None:
    body = encode_body(frame)
    assert decode_sasl_frame(body, 0, len(body)) == frame


@pytest.mark.parametrize("frame", [*PERFORMATIVES, *SASL_FRAMES])
def test_a_body_begins_with_a_short_descriptor(frame: Performative | SaslFrame) -> None:
    assert encode_body(frame)[:2] == b"\x00\x53"


@pytest.mark.parametrize("frame", PERFORMATIVES)
def test_a_body_that_is_cut_off_anywhere_is_a_decode_error(frame: Performative) -> None:
    body = encode_body(frame)
    for size in range(len(body)):
        with pytest.raises(DecodeError):
            decode_performative(body, 0, size)
        with pytest.raises(DecodeError):
            decode_performative(body[:size], 0, size)


@pytest.mark.parametrize(
    "body",
    [
        encode([1]),
        encode(Described(ULong(0x19), [])),
        encode(Described(Symbol("amqp:open:list"), ["id"])),
        encode(Described(ULong(0x16), [])),
        encode(Described(ULong(0x12), ["n", UInt(0), True, None, None, "source"])),
        encode(Described(ULong(0x12), ["n", UInt(0), True, None, None, None, "target"])),
        encode(Described(ULong(0x14), [UInt(0), "id"])),
    ],
)
def test_a_body_that_is_no_performative_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_performative(body, 0, len(body))


def test_a_wide_descriptor_is_understood() -> None:
    body = b"\x00\x80" + bytes(7) + b"\x17" + encode([])
    assert decode_performative(body, 0, len(body)) == (End(), len(body))


def test_nested_lists_are_written_with_all_their_fields() -> None:
    fields = decode(encode_body(Attach("n", 0, True, source=Source("s"), target=Target("t")))).value
    assert [len(fields), len(fields[5].value), len(fields[6].value)] == [14, 11, 7]


def test_handle_max_and_channel_max_are_said_even_when_they_are_the_default() -> None:
    assert decode(encode_body(Begin(None, 0, 1, 1))).value[4] == 0xFFFFFFFF
    assert decode(encode_body(Open("id"))).value[3] == 0xFFFF
