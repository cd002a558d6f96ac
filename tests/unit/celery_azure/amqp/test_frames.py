from __future__ import annotations

import pytest

from celery_azure.amqp import frames
from celery_azure.amqp import performatives as codes
from celery_azure.amqp.codec import CodecError, Described, ULong, encode
from celery_azure.amqp.frames import AmqpError, Attach, Frame, FrameReader, error_of, outcome_of


def read(data: bytes, *, step: int | None = None) -> list[Frame | bytes]:
    reader = FrameReader()
    step = step or len(data)
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    return [item for piece in pieces for item in reader.feed(piece)]


def test_headers_and_frames_are_cut_out_wherever_the_bytes_are_parted() -> None:
    head = 1, 300, b"tag", 0
    stream = frames.SASL_HEADER + frames.close() + frames.EMPTY_FRAME
    stream += frames.transfer(head, settled=False, more=True, payload=b"payload")
    whole = read(stream)
    assert whole[0] == frames.SASL_HEADER
    found = [item.code for item in whole if isinstance(item, Frame)]
    assert found == [codes.CLOSE, frames.EMPTY, codes.TRANSFER]
    for step in (1, 7, 8, 20):
        assert read(stream, step=step) == whole


def test_a_transfer_keeps_its_payload_apart() -> None:
    [frame] = read(frames.transfer((1, 300, b"tag", 0), settled=False, more=True, payload=b"abc"))
    assert isinstance(frame, Frame)
    assert frame.fields == [1, 300, b"tag", 0, False, True]
    assert frame.payload == b"abc"
    assert frame.field(9, False) is False


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1", b"\xff\xff\xff\xff\x02\0\0\0", b"\0\0\0\x09\x02\0\0\0\x40"]
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        read(data)


def test_a_receiver_names_its_source_and_both_settle_modes() -> None:
    [frame] = read(Attach("n", 3, True, "there", "here").to_bytes())
    assert isinstance(frame, Frame)
    assert frame.fields[:5] == ["n", 3, True, 0, 1]
    assert frame.fields[5].value == ["there"]
    assert frame.fields[6].value == ["here"]
    assert frame.field(9) is None


def test_a_sender_tells_its_initial_delivery_count() -> None:
    [frame] = read(Attach("n", 3, False, "here", "there").to_bytes())
    assert isinstance(frame, Frame)
    assert frame.field(9) == 0


def test_a_dead_letter_carries_reason_and_description() -> None:
    state = frames.dead_lettered("Rejected", "it says no")
    [frame] = read(
        frames.disposition(is_receiver=True, first=5, last=5, settled=False, state=state)
    )
    assert isinstance(frame, Frame)
    outcome = outcome_of(frame.field(4))
    assert outcome is not None
    assert outcome.error is not None
    assert outcome.error.condition == "com.microsoft:dead-letter"
    assert outcome.error.info == {
        "DeadLetterReason": "Rejected",
        "DeadLetterErrorDescription": "it says no",
    }


def test_a_rejection_without_an_error_has_none() -> None:
    rejected = Described(0x25, [])
    assert outcome_of(rejected) == frames.Outcome(0x25)
    assert outcome_of(None) is None


def test_an_error_shows_its_first_line() -> None:
    error = error_of(Described(0x1D, ["amqp:not-found", "no queue\nTrackingId:1"]))
    assert isinstance(error, AmqpError)
    assert str(error) == "amqp:not-found: no queue"
    assert str(AmqpError("amqp:not-found")) == "amqp:not-found"


def test_accepted_is_an_empty_list_behind_its_descriptor() -> None:
    assert encode(Described(ULong(0x24), [])) == frames.ACCEPTED
    assert encode(Described(ULong(0x26), [])) == frames.RELEASED
