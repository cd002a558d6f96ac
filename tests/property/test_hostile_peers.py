"""Whatever a peer sends, the AMQP client of the transport neither raises nor gives up."""

from __future__ import annotations

import contextlib
import functools
import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from celery_azure.amqp import performatives as codes
from celery_azure.amqp.codec import (
    CodecError,
    Described,
    Int,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    encode,
)
from celery_azure.amqp.connection import Connection, State
from celery_azure.amqp.locks import LockKeeper
from celery_azure.amqp.messages import Message, Received, read_annotations
from celery_azure.envelope import NotAnEnvelopeError, decode
from tests.property.fuzzing.mutations import mutate, units
from tests.property.profiles import walks
from tests.unit.celery_azure.amqp import wire
from tests.unit.celery_azure.amqp.world import World

SEEDS = st.integers(0, 2**32 - 1)
NUMBERS = st.sampled_from([0, 1, 2, 3, 255, 2**31 - 1, 2**31, 2**32 - 1])
NAMES = st.sampled_from([f"client-{number}" for number in range(1, 8)])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS.map(UInt),
    NUMBERS.map(ULong),
    NUMBERS.filter(lambda number: number < 256).map(UByte),
    st.sampled_from([-1, -(2**31)]).map(Int),
    st.just(Timestamp(-1)),
    st.floats(),
    st.binary(max_size=20),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    NAMES,
    st.sampled_from(["amqp:accepted:list", "amqp:not-found", "ANONYMOUS"]).map(Symbol),
)
DESCRIPTORS = st.sampled_from([0x1D, 0x23, 0x24, 0x25, 0x26, 0x28, 0x29, 0x75, 0x77]).map(ULong)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text("abc", max_size=2) | NUMBERS, inner, max_size=3),
        st.builds(Described, DESCRIPTORS | SCALARS, st.lists(inner, max_size=3) | inner),
    ),
    max_leaves=8,
)
PERFORMATIVES = st.sampled_from(sorted(codes.PERFORMATIVES)) | st.integers(0, 0x50)
FRAMES = st.builds(
    lambda code, fields, payload: wire.frame(code, *fields, payload=payload),
    PERFORMATIVES,
    st.lists(VALUES, max_size=12),
    st.binary(max_size=20),
)
SECTIONS = st.builds(
    lambda code, value: encode(Described(ULong(code), value)), st.integers(0x6F, 0x79), VALUES
)

KEYS = ["properties", "headers", "delivery_info", "body", "routing_key", "eta", "task", "x"]
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


class Client:
    """One that sends, receives and renews locks, in the middle of its work."""

    def __init__(self) -> None:
        self.world = world = World(lock_duration=10.0)
        self.heard: list[bytes] = []
        receive = world.engine.receive

        def listen(data: bytes, now: float) -> None:
            self.heard.append(data)
            receive(data, now)

        world.engine.receive = listen  # type: ignore[method-assign] # to overhear
        world.put("a", "b", "c")
        self.receiver = receiver = world.receiver(2)
        assert receiver.management is not None
        receiver.keeper = LockKeeper(
            world.engine, receiver.management, longest=3600, on_lost=lambda *_: None
        )
        world.engine.watch(receiver.keeper)
        self.sender = world.sender()
        world.hears = False
        world.submit(self.sender, "under way")
        world.turn()
        world.hears = True

    def hear(self, data: bytes) -> None:
        """Take what a hostile peer says, and live on for a while without an answer."""
        world, engine = self.world, self.world.engine
        engine.receive(data, world.now)
        said = len(engine.take_output())
        assert said < 10_000 + 100 * len(data)
        for delivery in self.receiver.buffer:
            assert_message_or_refusal(delivery.payload)
        for _ in range(4):
            world.now += 1.0
            engine.expire(world.now)

    def comes_back(self) -> bool:
        """Whether it works again with a peer that means well."""
        world = self.world
        world.cut()
        world.pass_time(12)
        fates = world.submit(self.sender, "afterwards")
        world.pass_time(3)
        return fates.accepted == ["afterwards"]


def assert_message_or_refusal(payload: bytes) -> None:
    """The bytes are a message, or the documented error says that they are none."""
    for read in (lambda: decode(Received(payload), 0.0), lambda: read_annotations(payload)):
        with contextlib.suppress(CodecError, NotAnEnvelopeError):
            read()


@functools.cache
def conversation() -> bytes:
    """What a peer says that means well."""
    return b"".join(Client().heard)


@given(st.binary(max_size=200), st.booleans(), st.integers(1, 50))
def test_any_bytes_are_taken_or_refused(data: bytes, is_open: bool, step: int) -> None:
    connection = wire.opened() if is_open else Connection("host", "id", wire.NOW)
    for at in range(0, len(data), step):
        connection.receive(data[at : at + step], wire.NOW)
    if connection.state is State.CLOSED:
        assert connection.error is not None
        assert str(connection.error)


@walks()
@given(SEEDS)
def test_a_spoilt_conversation_is_taken_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    whole = conversation()
    client = Client()
    client.world.engine.lost("cut", client.world.now)
    client.world.engine.begin(client.world.now)
    client.hear(mutate(chance, whole, [whole], framed=True))
    assert client.comes_back()


@walks()
@given(SEEDS)
def test_a_conversation_that_is_spoilt_late_is_taken_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    whole = conversation()
    client = Client()
    client.hear(mutate(chance, b"".join(units(whole)[10:]), [whole], framed=True))
    assert client.comes_back()


@walks()
@given(st.lists(FRAMES, min_size=1, max_size=6))
def test_any_performatives_are_taken_or_refused(frames: list[bytes]) -> None:
    client = Client()
    client.hear(b"".join(frames))
    assert client.comes_back()


@given(st.lists(SECTIONS, max_size=5).map(b"".join))
def test_any_sections_are_a_message_or_refused(payload: bytes) -> None:
    assert_message_or_refusal(payload)


@given(SEEDS)
def test_a_spoilt_message_is_a_message_or_refused(seed: int) -> None:
    message = Message(
        b'[[], {}, {"callbacks": null}]',
        message_id="id",
        content_type="application/json",
        properties={"task": "t", "id": "id", "celery-json": '{"properties":{"priority":1}}'},
        ttl=1000,
        scheduled=5,
    )
    payload = message.to_bytes()
    assert_message_or_refusal(mutate(random.Random(seed), payload, [payload], framed=False))


@given(JSON, JSON, st.sampled_from(["application/json", "x", ""]))
def test_any_json_of_a_stranger_is_a_message_or_refused(
    extra: object, body: object, content_type: str
) -> None:
    native = {"task": "t", "id": "id", "celery-json": json.dumps(extra)}
    for properties in (native, {"x": 1}):
        message = Message(
            json.dumps(body).encode(), content_type=content_type, properties=properties
        )
        assert_message_or_refusal(message.to_bytes())
