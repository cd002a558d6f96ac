from __future__ import annotations

import pytest

from servicebus_emulator.amqp.fast_paths import (
    accepted_frame,
    encode_continuation,
    encode_transfer,
    with_more,
)
from servicebus_emulator.amqp.framing import AMQP_FRAME, FrameReader
from servicebus_emulator.amqp.outcomes import Accepted, to_described
from servicebus_emulator.amqp.performatives import Disposition, Transfer
from servicebus_emulator.amqp.schemas import decode_performative


@pytest.mark.parametrize("role", [True, False])
def test_an_accepted_disposition_is_what_the_schema_says(role: bool) -> None:
    disposition = Disposition(role, 1, 0xFFFFFFFF, True, to_described(Accepted()))
    reader = FrameReader(512)
    reader.feed(accepted_frame(3, role, 1, 0xFFFFFFFF))
    frame = reader.take_frame()
    assert frame is not None
    assert (frame.kind, frame.channel, reader.is_empty) == (AMQP_FRAME, 3, True)
    assert decode_performative(frame.data, frame.start, frame.end) == (disposition, frame.end)


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("tag", [b"", b"t" * 32])
def test_the_first_transfer_is_what_the_schema_says(settled: bool, tag: bytes) -> None:
    only = encode_transfer(300, 7, tag, 0x80013700, settled)
    for body, more in ((only, False), (with_more(only), True)):
        assert decode_performative(body + b"payload", 0, len(body) + 7) == (
            Transfer(300, 7, tag, 0x80013700, settled, more),
            len(body),
        )


def test_a_continuation_leaves_out_delivery_id_and_tag() -> None:
    last = encode_continuation(3, True)
    for body, more in ((last, False), (with_more(last), True)):
        transfer, _ = decode_performative(body, 0, len(body))
        assert transfer == Transfer(3, settled=True, more=more)
