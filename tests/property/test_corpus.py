"""Everything that the fuzzer has found worth keeping, once more."""

import pytest

from tests.property.fuzzing.__main__ import corpus
from tests.property.fuzzing.mutations import units
from tests.property.fuzzing.targets import TARGETS


@pytest.mark.parametrize("name", [*TARGETS])
def test_what_was_kept_harms_nobody(name: str) -> None:
    for data in (*TARGETS[name].seeds(), *corpus(name)):
        TARGETS[name].run(data)


@pytest.mark.parametrize("rest", [b"", b"AMQ", b"\0\0\0\7....more", b"\xff\xff\xff\xff...."])
def test_a_stream_is_cut_into_frames_without_losing_a_byte(rest: bytes) -> None:
    frames = [b"AMQP\0\1\0\0", b"\0\0\0\x08\2\0\0\0", b"\0\0\0\x0a\2\0\0\0ab"]
    stream = b"".join(frames) + rest

    assert units(stream) == [*frames, rest][: 4 if rest else 3]
