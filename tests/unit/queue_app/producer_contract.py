"""What every producer promises: inherit `ProducerContract` and give it a `bench`."""

import uuid
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from queue_app.errors import BrokerUnavailable, Component, StorageUnavailable
from queue_app.jobs import CANCELLED_RESULT, Cancelling, JobState, JobStatus, TaskState
from queue_app.payload import encode_json
from queue_app.producer import Payload, Producer, Readiness


class Bench(Protocol):
    """A producer, and the hands of those around it."""

    producer: Producer

    async def received(self, task_id: str) -> dict[str, Any]:
        """Return the data that a worker gets for this task."""

    async def start(self, task_id: str) -> None:
        """Let a worker begin the task."""

    async def finish(self, task_id: str, result: Any) -> None:
        """Let the task return."""

    async def fail(self, task_id: str, error: Exception) -> None:
        """Let the task raise."""

    async def take_down(self, component: Component) -> None:
        """Let a component answer no more."""

    async def bring_up(self, component: Component) -> None:
        """Let it answer again."""


DATA: dict[str, Any] = {"": 10**400, "é😀": [1.5, -0.0, None, True, {}], "a": {"a": "\0"}}


def payload(data: dict[str, Any] | None = None) -> Payload:
    data = DATA if data is None else data
    return Payload(body=encode_json(data), data=data)


@dataclass(frozen=True)
class Told:
    """What is made of a job's status: nothing else."""

    status: JobStatus

    def __len__(self) -> int:
        return 1


async def status_told(producer: Producer, task_id: str) -> JobStatus:
    return (await producer.shown(task_id, Told)).status


class ProducerContract:
    """The tests; each needs the fixture `bench`."""

    async def test_the_id_of_a_job_is_a_random_uuid(self, bench: Bench) -> None:
        ids = {await bench.producer.enqueue(payload()) for _ in range(3)}
        assert len(ids) == 3
        assert all(str(uuid.UUID(task_id)) == task_id for task_id in ids)
        assert {uuid.UUID(task_id).version for task_id in ids} == {4}

    async def test_the_worker_gets_what_was_enqueued(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        assert repr(await bench.received(task_id)) == repr(DATA)

    async def test_an_empty_object_is_a_payload(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload({}))
        assert await bench.received(task_id) == {}

    async def test_a_job_that_waits_is_pending(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        assert await status_told(bench.producer, task_id) == JobStatus(task_id, JobState.PENDING)

    async def test_a_job_that_runs_is_started(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        await bench.start(task_id)
        assert await status_told(bench.producer, task_id) == JobStatus(task_id, JobState.STARTED)

    @pytest.mark.parametrize("result", [DATA, [], "", 0, False, None])
    async def test_a_finished_job_has_its_result(self, bench: Bench, result: Any) -> None:
        task_id = await bench.producer.enqueue(payload())
        await bench.finish(task_id, result)
        status = await status_told(bench.producer, task_id)
        assert status.state is JobState.SUCCESS
        assert repr(status.result) == repr(result)

    async def test_what_is_shown_of_a_job_is_made_of_its_status(self, bench: Bench) -> None:
        def show(status: JobStatus) -> str:
            return f"{status.task_id} {status.state} {status.result}"

        task_id = await bench.producer.enqueue(payload())
        assert await bench.producer.shown(task_id, show) == f"{task_id} PENDING None"
        await bench.finish(task_id, 7)
        for _ in range(2):
            assert await bench.producer.shown(task_id, show) == f"{task_id} SUCCESS 7"

    async def test_a_failed_job_has_type_and_message(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        await bench.fail(task_id, ValueError("no such order: é"))
        status = await status_told(bench.producer, task_id)
        assert status.state is JobState.FAILURE
        assert status.result == {"type": "ValueError", "message": "no such order: é"}

    @pytest.mark.parametrize("task_id", [str(uuid.UUID(int=7)), "nightly-report:2026.11@eu"])
    async def test_an_unknown_job_is_pending(self, bench: Bench, task_id: str) -> None:
        assert await status_told(bench.producer, task_id) == JobStatus(task_id, JobState.PENDING)

    async def test_an_id_that_was_chosen_before_is_kept(self, bench: Bench) -> None:
        task_id = bench.producer.ids.new()
        assert await bench.producer.enqueue(payload(), task_id=task_id) == task_id
        assert repr(await bench.received(task_id)) == repr(DATA)

    async def test_every_id_is_recognised_and_others_are_not(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        assert bench.producer.ids.issued_at(task_id) is not None
        assert bench.producer.ids.issued_at(str(uuid.UUID(int=7))) is None

    async def test_nothing_is_stored_of_a_job_that_waits(self, bench: Bench) -> None:
        assert await bench.producer.record(await bench.producer.enqueue(payload())) is None

    async def test_the_record_of_a_finished_job_tells_who_ran_it_and_when(
        self, bench: Bench
    ) -> None:
        task_id = await bench.producer.enqueue(payload())
        await bench.finish(task_id, {"a": 1})
        record = await bench.producer.record(task_id)
        assert record is not None
        assert (record.state, record.result, record.attempts) == (TaskState.SUCCESS, {"a": 1}, 1)
        assert record.worker
        assert record.started_at is not None
        assert record.ended_at is not None
        assert record.started_at <= record.ended_at
        assert record.payload_bytes == len(encode_json(DATA))

    async def test_a_job_that_is_cancelled_before_it_starts_never_runs(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        assert await bench.producer.cancel(task_id) is Cancelling.CANCELLED
        await bench.start(task_id)
        status = await status_told(bench.producer, task_id)
        assert status == JobStatus(task_id, JobState.FAILURE, CANCELLED_RESULT)

    async def test_a_job_may_be_cancelled_twice(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        assert await bench.producer.cancel(task_id) is Cancelling.CANCELLED
        assert await bench.producer.cancel(task_id) is Cancelling.CANCELLED

    async def test_a_job_that_has_ended_stays_as_it_is_when_cancelled(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        await bench.finish(task_id, 1)
        assert await bench.producer.cancel(task_id) is Cancelling.ENDED
        assert await status_told(bench.producer, task_id) == JobStatus(task_id, JobState.SUCCESS, 1)

    async def test_a_job_that_runs_goes_on_where_nobody_can_stop_it(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        await bench.start(task_id)
        assert await bench.producer.cancel(task_id) is Cancelling.RUNNING
        assert (await status_told(bench.producer, task_id)).state is JobState.STARTED

    async def test_without_broker_nothing_is_enqueued(self, bench: Bench) -> None:
        await bench.take_down("broker")
        with pytest.raises(BrokerUnavailable) as caught:
            await bench.producer.enqueue(payload())
        assert caught.value.component == "broker"
        assert caught.value.retry_after_seconds > 0
        assert str(caught.value)

    async def test_without_storage_no_status_is_known(self, bench: Bench) -> None:
        task_id = await bench.producer.enqueue(payload())
        await bench.take_down("storage")
        with pytest.raises(StorageUnavailable) as caught:
            await status_told(bench.producer, task_id)
        assert caught.value.component == "storage"
        assert caught.value.retry_after_seconds > 0
        assert str(caught.value)

    async def test_it_is_ready_when_both_answer(self, bench: Bench) -> None:
        assert await bench.producer.check() == Readiness()
        assert Readiness().is_ready

    async def test_it_names_the_broker_that_does_not_answer(self, bench: Bench) -> None:
        await bench.take_down("broker")
        readiness = await bench.producer.check()
        assert readiness.broker
        assert readiness.storage is None
        assert not readiness.is_ready

    async def test_it_names_the_storage_that_does_not_answer(self, bench: Bench) -> None:
        await bench.take_down("storage")
        readiness = await bench.producer.check()
        assert readiness.storage
        assert readiness.broker is None
        assert not readiness.is_ready

    async def test_it_works_again_when_the_broker_is_back(self, bench: Bench) -> None:
        await bench.take_down("broker")
        with pytest.raises(BrokerUnavailable):
            await bench.producer.enqueue(payload())
        await bench.bring_up("broker")
        task_id = await bench.producer.enqueue(payload())
        assert repr(await bench.received(task_id)) == repr(DATA)

    async def test_it_may_be_closed_twice(self, bench: Bench) -> None:
        await bench.producer.aclose()
        await bench.producer.aclose()
