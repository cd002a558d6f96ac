"""Everything that the fuzzer has found worth keeping, once more."""

import random
from pathlib import Path

import pytest

from tests.property.fuzzing import __main__ as fuzzing
from tests.property.fuzzing.__main__ import Fuzzer, corpus
from tests.property.fuzzing.mutations import units
from tests.property.fuzzing.targets import TARGETS, Sight, Target


@pytest.mark.parametrize("name", [*TARGETS])
def test_what_was_kept_harms_nobody(name: str) -> None:
    for data in (*TARGETS[name].seeds(), *corpus(name)):
        TARGETS[name].run(data)


@pytest.mark.parametrize("rest", [b"", b"AMQ", b"\0\0\0\7....more", b"\xff\xff\xff\xff...."])
def test_a_stream_is_cut_into_frames_without_losing_a_byte(rest: bytes) -> None:
    frames = [b"AMQP\0\1\0\0", b"\0\0\0\x08\2\0\0\0", b"\0\0\0\x0a\2\0\0\0ab"]
    stream = b"".join(frames) + rest

    assert units(stream) == [*frames, rest][: 4 if rest else 3]


def test_a_run_keeps_no_more_than_shows_all_it_has_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def letters(data: bytes) -> Sight:
        return frozenset(data.decode("latin-1"))

    monkeypatch.setattr(fuzzing, "CORPUS", tmp_path)
    target = Target(run=letters, seeds=lambda: [b"the quick brown fox"])
    fuzzer = Fuzzer("toy", target, random.Random(1))
    for _ in range(2000):
        fuzzer.step()
    found = [*corpus("toy")]
    fuzzer.thin()
    left = [*corpus("toy")]

    def shown(inputs: list[bytes]) -> Sight:
        return letters(b"".join(inputs)) - letters(b"the quick brown fox")

    assert shown(left) == shown(found)
    assert 0 < len(left) < len(found)
