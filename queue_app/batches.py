"""Many jobs in one request: an array is cut into its elements, and each job has its own outcome."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

from queue_app.errors import (
    BrokerUnavailable,
    MalformedJson,
    NotAnArray,
    PayloadTooLarge,
    QueueAppError,
    TooManyItems,
    UnfaithfulJson,
)
from queue_app.payload import decode_utf8, parse_payload
from queue_app.producer import Payload

Outcome = str | QueueAppError
"""The id of the task, or why there is none."""

Enqueue = Callable[[int, Payload], Awaitable[str]]
"""Sends the item with this index; its task's id."""

_AT_ONCE = 256
BREATH_BYTES = 65_536
"""After so many bytes that were parsed, other requests have their turn."""
_SPACE = " \t\r\n"


def split_array(body: bytes, max_items: int) -> list[bytes]:
    """Cut a JSON array into the texts of its elements, which are parsed strictly one by one later.

    Raises:
        MalformedJson: not UTF-8, or not JSON.
        NotAnArray: JSON, but not an array.
        UnfaithfulJson: nested too deeply to be read.
        TooManyItems: more elements than `max_items`.
    """
    text = decode_utf8(body)
    position = _skip(text, 0)
    if not text.startswith("[", position):
        raise NotAnArray("The body is not an array of jobs.")
    items: list[bytes] = []
    # bool instead of int and float: the values are thrown away, and huge ones are no obstacle.
    decoder = json.JSONDecoder(parse_int=bool, parse_float=bool)
    position = _skip(text, position + 1)
    if text.startswith("]", position):
        return _nothing_behind(text, position + 1, items)
    while True:
        try:
            _, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise MalformedJson(f"Character {error.pos + 1}: not JSON.") from None
        except RecursionError:
            raise UnfaithfulJson(f"Item {len(items)} is nested too deeply.") from None
        if len(items) == max_items:
            raise TooManyItems(max_items)
        items.append(text[position:end].encode())
        position = _skip(text, end)
        if text.startswith("]", position):
            return _nothing_behind(text, position + 1, items)
        if not text.startswith(",", position):
            raise MalformedJson(f"Character {position + 1}: not JSON (a comma is missing).")
        position = _skip(text, position + 1)


async def split_lines(
    chunks: AsyncIterable[bytes], max_items: int, max_item_bytes: int
) -> AsyncIterator[bytes]:
    """Cut a stream into its lines that are not blank, each of which is a job.

    A line that is longer than any job may be comes out cut off, longer than the limit still.

    Raises:
        TooManyItems: more lines than `max_items`.
    """
    count = 0
    line = bytearray()
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        _extend(line, first, max_item_bytes)
        for other in others:
            if line.strip():
                if count == max_items:
                    raise TooManyItems(max_items)
                count += 1
                yield bytes(line)
            line.clear()
            _extend(line, other, max_item_bytes)
    if line.strip():
        if count == max_items:
            raise TooManyItems(max_items)
        yield bytes(line)


async def _with_breaks(items: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The items, with breaks for other requests."""
    taken = 0
    async for item in items:
        yield item
        taken += len(item)
        if taken > BREATH_BYTES:
            taken = 0
            await asyncio.sleep(0)


async def enqueue_all(
    items: AsyncIterable[bytes], enqueue: Enqueue, max_item_bytes: int
) -> list[Outcome]:
    """Enqueue every item; the outcomes in the order of the items.

    Items are sent while others are read, a few hundred at a time. Once the broker is out of reach,
    nothing more is sent: those that follow get the same outcome at once.

    What `items` raises is the last outcome.
    """
    outcomes: list[Outcome] = []
    running: set[asyncio.Task[None]] = set()
    outage: BrokerUnavailable | None = None

    async def send(index: int, payload: Payload) -> None:
        nonlocal outage
        if outage is not None:
            outcomes[index] = outage
            return
        try:
            outcomes[index] = await enqueue(index, payload)
        except BrokerUnavailable as error:
            outage = outcomes[index] = error
        except QueueAppError as error:
            outcomes[index] = error

    async def read() -> None:
        nonlocal running
        async for item in _with_breaks(items):
            index = len(outcomes)
            outcomes.append("")
            try:
                payload = _payload(item, max_item_bytes)
            except QueueAppError as error:
                outcomes[index] = error
                continue
            while len(running) >= _AT_ONCE:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.gather(*done)  # a bug in one of them is not to go unseen
            running.add(asyncio.create_task(send(index, payload)))

    rest: QueueAppError | None = None
    try:
        await read()
    except QueueAppError as error:
        rest = error
    finally:
        await asyncio.gather(*running)
    return outcomes if rest is None else [*outcomes, rest]


def _payload(item: bytes, max_item_bytes: int) -> Payload:
    if len(item) > max_item_bytes:
        raise PayloadTooLarge(max_item_bytes)
    return Payload(item, parse_payload(item))


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _nothing_behind(text: str, position: int, items: list[bytes]) -> list[bytes]:
    end = _skip(text, position)
    if end != len(text):
        raise MalformedJson(f"Character {end + 1}: not JSON (something follows the array).")
    return items


def _extend(line: bytearray, part: bytes, max_item_bytes: int) -> None:
    room = max_item_bytes + 1 - len(line)
    line += part[: max(room, 0)]
