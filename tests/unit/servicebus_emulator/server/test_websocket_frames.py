import itertools
import os
import struct

import pytest

from servicebus_emulator.server.websocket_frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    FrameDecoder,
    WebSocketError,
    encode,
    encode_close,
)

MASK = b"\x12\x34\x56\x78"


def masked(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    """A client's frame (RFC 6455, 5.2)."""
    size = len(data)
    first = opcode | (0x80 if fin else 0)
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 65536:
        head = bytes([first, 0x80 | 126]) + struct.pack(">H", size)
    else:
        head = bytes([first, 0x80 | 127]) + struct.pack(">Q", size)
    body = bytes(byte ^ key for byte, key in zip(data, itertools.cycle(MASK), strict=False))
    return head + MASK + body


def decode(*chunks: bytes) -> list[tuple[int, bytes]]:
    """The pieces that come out, neighbouring binary ones joined."""
    decoder, pieces = FrameDecoder(), list[tuple[int, bytes]]()
    for chunk in chunks:
        decoder.feed(chunk)
        while (piece := decoder.next_piece()) is not None:
            if pieces and pieces[-1][0] == piece.opcode == BINARY:
                pieces[-1] = (BINARY, pieces[-1][1] + piece.data)
            else:
                pieces.append((piece.opcode, piece.data))
    return pieces


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 125, 126, 127, 65535, 65536, 70001])
def test_a_message_of_any_size_is_read_whole_and_byte_by_byte(size: int) -> None:
    data = os.urandom(size)
    stream = masked(BINARY, data)

    assert decode(stream) == [(BINARY, data)]
    assert decode(*(stream[at : at + 1] for at in range(len(stream)))) == [(BINARY, data)]


def test_payload_is_passed_on_before_its_frame_is_whole() -> None:
    stream = masked(BINARY, b"x" * 1000)

    assert decode(stream[:500]) == [(BINARY, b"x" * 492)]


def test_an_empty_message_is_a_piece() -> None:
    assert decode(masked(BINARY, b"")) == [(BINARY, b"")]


def test_a_control_frame_may_stand_between_the_pieces_of_a_message() -> None:
    stream = masked(BINARY, b"ab", fin=False) + masked(PING, b"!") + masked(0, b"cd")

    assert decode(stream) == [(BINARY, b"ab"), (PING, b"!"), (BINARY, b"cd")]


def test_a_control_frame_waits_until_it_is_whole() -> None:
    stream = masked(CLOSE, b"\x03\xe8")

    assert decode(stream[:-1]) == []
    assert decode(stream[:-1], stream[-1:]) == [(CLOSE, b"\x03\xe8")]


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (b"\x82\x01a", 1002),  # not masked
        (masked(0x3, b""), 1002),
        (b"\xc2\x80" + MASK, 1002),  # a reserved bit
        (masked(0x1, b"text"), 1003),
        (masked(PING, b"", fin=False), 1002),
        (masked(PING, b"x" * 126), 1002),
        (masked(0, b"a"), 1002),  # nothing to continue
        (masked(BINARY, b"a", fin=False) + masked(BINARY, b"b"), 1002),
    ],
)
def test_what_a_client_may_not_send_is_told_by_a_code(stream: bytes, code: int) -> None:
    with pytest.raises(WebSocketError) as raised:
        decode(stream)

    assert raised.value.code == code


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_the_server_masks_nothing(size: int) -> None:
    frame = encode(PONG, b"x" * size)

    assert frame[0] == 0x80 | PONG
    assert frame.endswith(b"x" * size)
    assert len(frame) == size + (2 if size < 126 else 4 if size < 65536 else 10)


def test_a_goodbye_carries_its_code() -> None:
    assert encode_close(1002) == b"\x88\x02\x03\xea"
