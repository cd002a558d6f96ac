from __future__ import annotations

import pytest

from servicebus_emulator.amqp.errors import FramingError
from servicebus_emulator.amqp.framing import (
    AMQP_HEADER,
    SASL_FRAME,
    Frame,
    FrameReader,
    encode_frame,
)

STREAM = (
    AMQP_HEADER + encode_frame(b"one", 1) + encode_frame(b"") + encode_frame(b"two", 7, SASL_FRAME)
)
UNITS = [AMQP_HEADER, (0, 1, b"one"), (0, 0, b""), (1, 7, b"two")]


def contents(frame: Frame) -> tuple[int, int, bytes]:
    return frame.kind, frame.channel, frame.data[frame.start : frame.end]


def take_all(reader: FrameReader, units: list[object]) -> None:
    if not units:
        header = reader.take_header()
        if header is None:
            return
        units.append(header)
    while (frame := reader.take_frame()) is not None:
        units.append(contents(frame))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 13, len(STREAM)])
def test_units_are_the_same_in_pieces_of_any_size(size: int) -> None:
    reader = FrameReader(512)
    units: list[object] = []
    for start in range(0, len(STREAM), size):
        reader.feed(STREAM[start : start + size])
        take_all(reader, units)
    assert units == UNITS


def test_bytes_after_a_unit_wait_for_the_rest() -> None:
    reader = FrameReader(512)
    reader.feed(STREAM + b"\x00\x00")
    units: list[object] = []
    take_all(reader, units)
    assert units == UNITS
    reader.feed(b"\x00\x08\x02\x00\x00\x00")
    frame = reader.take_frame()
    assert frame is not None
    assert contents(frame) == (0, 0, b"")


def test_an_extended_header_is_skipped() -> None:
    reader = FrameReader(512)
    reader.feed(bytes.fromhex("0000000d03000000") + b"more" + b"x")
    frame = reader.take_frame()
    assert frame is not None
    assert contents(frame) == (0, 0, b"x")


@pytest.mark.parametrize(
    "header", ["0000000802000000", "0000020002000000"], ids=["smallest", "largest"]
)
def test_sizes_up_to_the_limit_are_taken(header: str) -> None:
    reader = FrameReader(512)
    reader.feed(bytes.fromhex(header) + bytes(504))
    assert reader.take_frame() is not None


@pytest.mark.parametrize(
    "header",
    [
        "0000000702000000",
        "0000020102000000",
        "ffffffff02000000",
        "0000000801000000",
        "0000000803000000",
    ],
    ids=["too small", "too large", "absurd", "offset in the header", "offset beyond the end"],
)
def test_a_header_that_cannot_be_believed_is_a_framing_error(header: str) -> None:
    reader = FrameReader(512)
    reader.feed(bytes.fromhex(header))
    with pytest.raises(FramingError):
        reader.take_frame()
