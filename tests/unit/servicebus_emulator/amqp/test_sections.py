from __future__ import annotations

from typing import Any

import pytest

from servicebus_emulator.amqp.codec import encode
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.sections import Sections, body_size, split
from servicebus_emulator.amqp.types import Described, Symbol, ULong


def section(code: int, value: Any) -> bytes:
    return encode(Described(ULong(code), value))


@pytest.mark.parametrize("footer", [b"", encode(Described(ULong(0x78), {Symbol("f"): 1}))])
def test_delivery_annotations_may_come_last(footer: bytes) -> None:
    late, bare = section(0x71, {Symbol("d"): 1}), section(0x75, b"one") + footer

    assert split(section(0x72, {}) + bare + late) == Sections(b"", late, section(0x72, {}), bare)
    with pytest.raises(DecodeError, match="come late"):
        split(bare + late + section(0x75, b"two"))


def test_a_message_is_split_into_sections_as_they_came() -> None:
    head, way, notes = section(0x70, [True]), section(0x71, {Symbol("d"): 1}), section(0x72, {})
    bare = section(0x73, ["id"]) + section(0x74, {"a": 1}) + section(0x75, b"one") * 2

    assert split(head + way + notes + bare) == Sections(head, way, notes, bare, has_properties=True)


def test_sections_that_are_absent_are_empty() -> None:
    body = section(0x77, None)
    assert split(body) == Sections(b"", b"", b"", body)
    assert split(b"") == Sections(b"", b"", b"", b"")
    assert split(section(0x72, {})) == Sections(b"", b"", section(0x72, {}), b"")


def test_the_body_is_measured_without_what_stands_around_it() -> None:
    body = section(0x75, b"one") + section(0x75, b"three")

    assert body_size(section(0x73, ["id"]) + body + section(0x78, {})) == len(body)


def test_a_wide_descriptor_is_understood() -> None:
    body = b"\x00\x80" + bytes(7) + b"\x77" + encode("v")
    assert split(body).bare == body


NO_MESSAGES = {
    "text": b"hello",
    "text that starts with a zero": b"\x00hello",
    "a value without descriptor": encode(1),
    "no section": section(0x79, 1),
    "no section either": section(0x6F, 1),
    "a symbol as descriptor": encode(Described(Symbol("amqp:header:list"), [])),
    "a negative long as descriptor": encode(Described(0x70, []))[:1] + b"\x40\x40",
    "header after properties": section(0x73, []) + section(0x70, []),
    "two headers": section(0x70, []) + section(0x70, []),
    "two values": section(0x77, 1) + section(0x77, 1),
    "two kinds of body": section(0x75, b"") + section(0x77, 1),
    "cut off": section(0x75, b"abc")[:-1],
    "cut off after the descriptor": b"\x00\x53\x75",
}


@pytest.mark.parametrize("payload", NO_MESSAGES.values(), ids=NO_MESSAGES.keys())
def test_what_is_no_message_is_a_decode_error(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        split(payload)
