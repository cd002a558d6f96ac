from typing import Any

import pytest

from queue_app.errors import Component
from queue_app.jobs import Cancelling, Progress
from queue_app.payload import parse_payload
from queue_app.producer import InMemoryProducer, Producer
from tests.unit.queue_app.producer_contract import Bench, ProducerContract, payload


class InMemoryBench:
    def __init__(self) -> None:
        self.double = InMemoryProducer()
        self.producer: Producer = self.double

    async def received(self, task_id: str) -> dict[str, Any]:
        return parse_payload(self.double.payloads[task_id].body)

    async def start(self, task_id: str) -> None:
        self.double.start(task_id)

    async def finish(self, task_id: str, result: Any) -> None:
        self.double.finish(task_id, result)

    async def fail(self, task_id: str, error: Exception) -> None:
        self.double.fail(task_id, error)

    async def take_down(self, component: Component) -> None:
        self.double.take_down(component)

    async def bring_up(self, component: Component) -> None:
        self.double.bring_up(component)


class TestInMemoryProducer(ProducerContract):
    @pytest.fixture
    def bench(self) -> Bench:
        return InMemoryBench()


async def test_payloads_are_kept_in_the_order_of_enqueuing() -> None:
    producer = InMemoryProducer()
    sent = [payload({"n": n}) for n in range(3)]
    ids = [await producer.enqueue(one) for one in sent]
    assert list(producer.payloads.items()) == list(zip(ids, sent, strict=True))


async def test_what_the_broker_refused_is_not_kept() -> None:
    producer = InMemoryProducer()
    producer.take_down("broker", "throttled")
    with pytest.raises(Exception, match="throttled"):
        await producer.enqueue(payload())
    assert producer.payloads == {}


def test_nobody_can_work_on_a_job_that_was_not_enqueued() -> None:
    with pytest.raises(KeyError):
        InMemoryProducer().start("unknown")


async def test_it_tells_whether_it_was_closed() -> None:
    producer = InMemoryProducer()
    assert not producer.closed
    await producer.aclose()
    assert producer.closed


async def test_progress_is_part_of_the_record_while_the_job_runs() -> None:
    producer = InMemoryProducer()
    task_id = await producer.enqueue(payload())
    producer.advance(task_id, 1, 4, "first")
    record = await producer.record(task_id)
    assert record is not None
    assert record.progress == Progress(1, 4, "first")
    producer.finish(task_id, None)
    record = await producer.record(task_id)
    assert record is not None
    assert record.progress is None


async def test_it_tells_when_a_scheduled_job_is_due() -> None:
    producer = InMemoryProducer()
    now, later = await producer.enqueue(payload()), await producer.enqueue(payload(), due_at=5.0)
    assert producer.due == {later: 5.0}
    assert now in producer.payloads


async def test_a_worker_that_can_be_asked_is_asked_to_stop() -> None:
    producer = InMemoryProducer(can_stop=True)
    task_id = await producer.enqueue(payload())
    producer.start(task_id)
    assert await producer.cancel(task_id) is Cancelling.STOPPING
