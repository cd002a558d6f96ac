import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_app.batches import BREATH_BYTES, enqueue_all, split_array, split_lines
from queue_app.errors import (
    BrokerUnavailable,
    MalformedJson,
    NotAnArray,
    NotAnObject,
    PayloadTooLarge,
    QueueAppError,
    StorageUnavailable,
    TooManyItems,
    UnfaithfulJson,
)
from queue_app.producer import Payload

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def lines(*chunks: bytes, max_items: int = 100, max_bytes: int = 100) -> list[bytes]:
    return [line async for line in split_lines(stream(*chunks), max_items, max_bytes)]


@given(st.lists(VALUES), st.sampled_from([None, 1]), st.booleans())
def test_the_elements_of_any_array_are_found(
    values: list[Any], indent: int | None, ascii_only: bool
) -> None:
    body = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode(
        errors="backslashreplace"
    )
    assert [json.loads(item) for item in split_array(body, 1000)] == values


def test_an_element_is_cut_out_as_it_was_sent() -> None:
    body = b'\xef\xbb\xbf [ {"a" : 1e400} ,\n{"a":1,"a":2},' + b"9" * 5000 + b" ] "
    assert split_array(body, 3) == [b'{"a" : 1e400}', b'{"a":1,"a":2}', b"9" * 5000]


@pytest.mark.parametrize("body", [b"[1", b"[1,]", b"[1 2]", b"[,1]", b"[1]]", b"[1] x", b"[\xff]"])
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        split_array(body, 10)


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"a":[]}', b"1"])
def test_what_is_no_array_is_refused(body: bytes) -> None:
    with pytest.raises(NotAnArray):
        split_array(body, 10)


def test_an_element_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(UnfaithfulJson, match="Item 1"):
        split_array(b"[1," + b"[" * 200_000, 10)


def test_an_array_has_no_more_elements_than_it_may() -> None:
    assert len(split_array(b"[1,2]", 2)) == 2
    with pytest.raises(TooManyItems):
        split_array(b"[1,2,3]", 2)


async def test_lines_are_found_wherever_the_stream_is_cut() -> None:
    body = b'{"a":1}\n\n {"b":2} \r\n{"c":3}'
    for cut in range(len(body)):
        assert await lines(body[:cut], body[cut:]) == [b'{"a":1}', b' {"b":2} \r', b'{"c":3}']


async def test_a_line_that_is_too_long_is_kept_only_to_be_refused() -> None:
    assert await lines(b"x" * 50, b"y" * 5000, b"\nz", max_bytes=60) == [
        b"x" * 50 + b"y" * 11,
        b"z",
    ]


async def test_there_are_no_more_lines_than_there_may_be() -> None:
    for body in (b"1\n2\n3", b"1\n2\n3\n"):
        with pytest.raises(TooManyItems):
            await lines(body, max_items=2)
    assert len(await lines(b"1\n2\n\n", max_items=2)) == 2


class Broker:
    """Accepts what is asked for, and says how much was on its way at once."""

    def __init__(self, fails: dict[int, QueueAppError] | None = None) -> None:
        self.fails = fails or {}
        self.sent: list[int] = []
        self.at_once = 0
        self.most_at_once = 0

    async def enqueue(self, index: int, payload: Payload) -> str:
        assert payload.data == {"n": index}
        self.sent.append(index)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if index in self.fails:
            raise self.fails[index]
        return f"task-{index}"


def jobs(count: int) -> AsyncIterator[bytes]:
    return stream(*(b'{"n":%d}' % number for number in range(count)))


async def test_outcomes_are_in_the_order_of_the_items() -> None:
    broker = Broker()
    assert await enqueue_all(jobs(3000), broker.enqueue, 100) == [f"task-{n}" for n in range(3000)]
    assert 1 < broker.most_at_once <= 256


async def test_each_item_has_its_own_outcome() -> None:
    away = StorageUnavailable("away")
    items = stream(b'{"n":0}', b"[]", b"{", b'{"n":3}', b'{"n":"' + b"x" * 100 + b'"}', b'{"n":5}')
    outcomes = await enqueue_all(items, Broker({3: away}).enqueue, 100)
    assert [outcome if isinstance(outcome, str) else type(outcome) for outcome in outcomes] == [
        "task-0",
        NotAnObject,
        MalformedJson,
        StorageUnavailable,
        PayloadTooLarge,
        "task-5",
    ]


async def test_after_the_broker_is_lost_nothing_more_is_sent() -> None:
    lost = BrokerUnavailable("lost")
    broker = Broker({10: lost})
    outcomes = await enqueue_all(jobs(2000), broker.enqueue, 100)
    assert outcomes[10] is lost
    assert outcomes[-1] is lost
    assert len(broker.sent) <= 10 + 256 + 1
    assert all(outcomes[n] == f"task-{n}" for n in broker.sent if n != 10)


async def test_what_stops_the_reading_is_the_last_outcome() -> None:
    items = split_lines(stream(b'{"n":0}\n{"n":1}\n{"n":2}\n'), 2, 100)
    *accepted, last = await enqueue_all(items, Broker().enqueue, 100)
    assert accepted == ["task-0", "task-1"]
    assert isinstance(last, TooManyItems)


async def test_a_bug_does_not_go_unseen() -> None:
    async def fail(_index: int, _payload: Payload) -> str:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await enqueue_all(jobs(1), fail, 100)


async def test_other_requests_have_their_turn_while_large_items_are_read() -> None:
    turns: list[int] = []
    large = b"[" + b"1," * (BREATH_BYTES // 2) + b"1]"  # each is refused, so that nothing is sent

    async def other() -> None:
        while True:
            turns.append(len(turns))
            await asyncio.sleep(0)

    async def send(_index: int, _payload: Payload) -> str:
        raise AssertionError("nothing of this is a job")

    task = asyncio.create_task(other())
    outcomes = await enqueue_all(stream(*[large] * 5), send, 10 * BREATH_BYTES)
    task.cancel()
    assert [type(outcome) for outcome in outcomes] == [NotAnObject] * 5
    assert len(turns) >= 5
