"""What the worker stores of a task, and what the producer makes of it."""

import asyncio
import json
from pathlib import Path

import pytest

from harness.live import start_worker
from harness.waiting import wait_until
from queue_app.azure_services import azure_services
from queue_app.celery_producer import CeleryProducer
from queue_app.idempotency import IdempotentProducer
from queue_app.jobs import CANCELLED_RESULT, Cancelling, Progress, TaskRecord, TaskState
from queue_app.producer import Payload
from queue_app.settings import Settings

APP = "tests.integration.pipeline.reporting_worker"


def payload(**data: str) -> Payload:
    return Payload(json.dumps(data).encode(), data)


@pytest.fixture
def producer(product_settings: dict[str, str]) -> CeleryProducer:
    values = {name.lower(): value for name, value in product_settings.items() if value}
    return CeleryProducer(Settings.model_validate(values))


async def _in_state(producer: CeleryProducer, task_id: str, state: TaskState) -> TaskRecord:
    loop = asyncio.get_running_loop()

    def look() -> TaskRecord | None:
        record = asyncio.run_coroutine_threadsafe(producer.record(task_id), loop).result()
        return record if record is not None and record.state is state else None

    return await asyncio.to_thread(wait_until, look, f"{state} of {task_id}")


async def test_a_task_tells_its_progress_and_cannot_be_cancelled_any_more(
    product_settings: dict[str, str], producer: CeleryProducer, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    cancelled = await producer.enqueue(payload())
    assert await producer.cancel(cancelled) is Cancelling.CANCELLED
    with start_worker(product_settings, app=APP, folder=tmp_path) as worker:
        task_id = await producer.enqueue(payload(until=str(go_on)))
        running = await _in_state(producer, task_id, TaskState.STARTED)
        while running.progress is None:
            running = await _in_state(producer, task_id, TaskState.STARTED)
        assert running.progress == Progress(5, 10, "half")
        assert await producer.cancel(task_id) is Cancelling.RUNNING

        go_on.touch()
        ended = await _in_state(producer, task_id, TaskState.SUCCESS)
        assert await producer.cancel(task_id) is Cancelling.ENDED
        worker.wait_for_line("Not run: the task is in state REVOKED already")
        output = worker.output

    assert ended.result == 10
    assert ended.queue == product_settings["SERVICE_BUS_QUEUE_NAME"]
    assert ended.attempts == 1
    assert str(ended.worker).startswith("celery@")
    assert producer.ids.issued_at(task_id) is not None
    assert int(producer.ids.issued_at(task_id) or 0) <= (ended.started_at or 0)
    assert (ended.started_at or 0) <= (ended.ended_at or 0)

    record = await producer.record(cancelled)
    assert record is not None
    assert (record.state, record.result) == (TaskState.REVOKED, CANCELLED_RESULT)
    assert output.count("The work has begun.") == 1
    await producer.aclose()


async def test_a_worker_that_waits_for_jobs_begins_one_without_a_question(
    product_settings: dict[str, str], producer: CeleryProducer, tmp_path: Path
) -> None:
    waiting = await producer.enqueue(payload(count="questions"))
    with start_worker(product_settings, app=APP, folder=tmp_path):
        questions = [(await _in_state(producer, waiting, TaskState.SUCCESS)).result]
        async with asyncio.timeout(
            60
        ):  # until the link has waited for a while, and a job was quick
            while questions[-1]:
                task_id = await producer.enqueue(payload(count="questions"))
                questions.append((await _in_state(producer, task_id, TaskState.SUCCESS)).result)
        again = await producer.enqueue(payload(count="questions"), task_id=producer.ids.new())
        questions.append((await _in_state(producer, again, TaskState.SUCCESS)).result)

    assert set(questions[:-2]) == {1}
    assert questions[-2:] == [0, 1]
    await producer.aclose()


async def test_two_processes_that_get_the_same_key_at_once_enqueue_one_task(
    product_settings: dict[str, str],
) -> None:
    settings = Settings.model_validate(
        {name.lower(): value for name, value in product_settings.items() if value}
    )
    both = [azure_services(settings) for _ in range(2)]
    idempotent = [
        IdempotentProducer(services.producer, services.blobs, services.now, 60) for services in both
    ]
    done = await asyncio.gather(*(one.enqueue("k", payload(a="1")) for one in idempotent * 4))
    assert len({one.task_id for one in done}) == 1
    assert [one.is_replayed for one in done].count(False) == 1
    with settings.service_bus_endpoint.client() as client:
        receiver = client.get_queue_receiver(settings.service_bus_queue_name)
        with receiver:
            assert len(receiver.peek_messages(10)) == 1
    for services in both:
        await services.aclose()
