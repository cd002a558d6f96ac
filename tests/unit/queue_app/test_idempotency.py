import asyncio
from typing import Any

import pytest

from queue_app.blob_store import InMemoryBlobStore, StoredBlob
from queue_app.errors import (
    BrokerUnavailable,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    StorageUnavailable,
)
from queue_app.idempotency import PREFIX, Enqueued, IdempotentProducer
from queue_app.payload import encode_json
from queue_app.producer import InMemoryProducer, Payload

DAY = 86_400.0


def payload(**data: Any) -> Payload:
    return Payload(encode_json(data), data)


class SlowProducer(InMemoryProducer):
    """Sends when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = asyncio.Event()
        self.began = asyncio.Event()
        self.sent: list[str] = []

    async def enqueue(
        self, payload: Payload, *, task_id: str | None = None, due_at: float | None = None
    ) -> str:
        self.sent.append(str(task_id))
        self.began.set()
        await self.let.wait()
        return await super().enqueue(payload, task_id=task_id, due_at=due_at)


class World:
    """A broker, a storage and a clock that several processes share; time passes in pauses."""

    def __init__(self) -> None:
        self.producer = SlowProducer()
        self.producer.let.set()
        self.blobs = InMemoryBlobStore()
        self.time = 1000.0

    def process(self) -> IdempotentProducer:
        return IdempotentProducer(self.producer, self.blobs, lambda: self.time, DAY, self.pause)

    async def pause(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


@pytest.fixture
def world() -> World:
    return World()


async def test_the_same_key_and_body_give_the_same_task(world: World) -> None:
    first = await world.process().enqueue("k", payload(a=1))
    second = await world.process().enqueue("k", payload(a=1))
    assert second == Enqueued(first.task_id, is_replayed=True)
    assert world.producer.sent == [first.task_id]


async def test_white_space_makes_no_other_body(world: World) -> None:
    first = await world.process().enqueue("k", Payload(b'{"a":1}', {"a": 1}))
    second = await world.process().enqueue("k", Payload(b'{ "a" : 1 }', {"a": 1}))
    assert second.task_id == first.task_id


async def test_another_key_gives_another_task(world: World) -> None:
    first = await world.process().enqueue("k", payload(a=1))
    second = await world.process().enqueue("l", payload(a=1))
    assert second.task_id != first.task_id


@pytest.mark.parametrize("change", [{"a": 2}, {"a": True}, {"a": 1.0}, {"b": 1}, {}])
async def test_the_same_key_with_another_body_is_refused(
    world: World, change: dict[str, Any]
) -> None:
    await world.process().enqueue("k", payload(a=1))
    with pytest.raises(IdempotencyKeyReused):
        await world.process().enqueue("k", payload(**change))
    assert len(world.producer.payloads) == 1


async def test_the_same_key_for_another_time_is_refused(world: World) -> None:
    await world.process().enqueue("k", payload(), due_at=5.0, schedule="delay=5")
    with pytest.raises(IdempotencyKeyReused):
        await world.process().enqueue("k", payload(), due_at=6.0, schedule="delay=6")


async def test_of_many_at_once_one_sends_and_all_get_its_task(world: World) -> None:
    world.producer.let.clear()
    calls = [asyncio.create_task(world.process().enqueue("k", payload(a=1))) for _ in range(20)]
    await world.producer.began.wait()
    world.producer.let.set()
    done = await asyncio.gather(*calls)
    assert len(world.producer.sent) == 1
    assert {one.task_id for one in done} == set(world.producer.sent)
    assert [one.is_replayed for one in done].count(False) == 1


async def test_who_waits_too_long_for_another_is_told_to_come_again(world: World) -> None:
    world.producer.let.clear()
    first = asyncio.create_task(world.process().enqueue("k", payload(a=1)))
    await world.producer.began.wait()
    with pytest.raises(IdempotencyKeyInUse):
        await world.process().enqueue("k", payload(a=1))
    first.cancel()


async def test_a_request_that_died_is_taken_over_under_the_same_id(world: World) -> None:
    world.producer.let.clear()
    first = asyncio.create_task(world.process().enqueue("k", payload(a=1)))
    await world.producer.began.wait()
    first.cancel()
    world.producer.let.set()
    world.time += 7
    second = await world.process().enqueue("k", payload(a=1))
    assert world.producer.sent == [second.task_id, second.task_id]
    assert list(world.producer.payloads) == [second.task_id]


async def test_after_an_outage_of_the_broker_the_key_sends_the_same_task_at_once(
    world: World,
) -> None:
    world.producer.take_down("broker")
    with pytest.raises(BrokerUnavailable):
        await world.process().enqueue("k", payload(a=1))
    world.producer.bring_up("broker")
    before = world.time
    done = await world.process().enqueue("k", payload(a=1))
    assert world.time == before
    assert set(world.producer.sent) == {done.task_id}
    assert not done.is_replayed


async def test_without_storage_nothing_is_sent(world: World) -> None:
    world.blobs.is_down = True
    with pytest.raises(StorageUnavailable):
        await world.process().enqueue("k", payload())
    assert world.producer.sent == []


async def test_a_job_is_enqueued_even_when_that_cannot_be_noted(world: World) -> None:
    class FailsLater(InMemoryBlobStore):
        async def replace(self, name: str, content: bytes, seen: StoredBlob | None) -> StoredBlob:
            written = await super().replace(name, content, seen)
            self.is_down = True
            return written

    world.blobs = FailsLater()
    done = await world.process().enqueue("k", payload())
    assert list(world.producer.payloads) == [done.task_id]


async def test_a_key_is_forgotten_when_its_time_is_over(world: World) -> None:
    first = await world.process().enqueue("k", payload(a=1))
    world.time += DAY + 1
    second = await world.process().enqueue("k", payload(b=2))
    assert second.task_id != first.task_id
    third = await world.process().enqueue("k", payload(b=2))
    assert third == Enqueued(second.task_id, is_replayed=True)


async def test_no_key_is_written_down(world: World) -> None:
    await world.process().enqueue("secret-key", payload(a="secret-body"))
    ((name, content),) = world.blobs.blobs.items()
    assert name.startswith(PREFIX)
    assert b"secret" not in name.encode() + content
