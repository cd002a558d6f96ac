import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

import pytest

from celery_azure.amqp.messages import FIRST_COPY, Received
from celery_azure.blobs import Blob
from celery_azure.errors import BusyError, UnreachableError
from celery_azure.result_reader import StoredResult
from queue_app.celery_producer import CeleryProducer
from queue_app.claim_check import MAX_INLINE_BYTES
from queue_app.errors import BrokerUnavailable, StorageUnavailable, UnreadableRecord
from queue_app.jobs import Cancelling, JobState, JobStatus
from queue_app.payload import parse_payload
from queue_app.producer import Payload
from queue_app.settings import Settings
from tests.unit.celery_azure.virtual_time import VirtualTime
from tests.unit.queue_app.producer_contract import status_told

if TYPE_CHECKING:
    from celery_azure.publisher import AsyncPublisher

ANSWER_SECONDS = 5.0
"""In which README promises an answer, whatever is out of reach."""


class Refusing:
    """Stands for the publisher of a broker that takes nothing."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def publish(self, *_: object) -> None:
        raise self._error

    async def aclose(self) -> None:
        """Nothing is open."""


class Silent:
    """Stands for a publisher, and for a reader of results, whose service never says a word."""

    async def publish(self, _entity: str, _message: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        raise UnreachableError("no answer in time")

    async def aclose(self) -> None:
        """Nothing is open."""

    def known(self, _: str) -> None:
        """Nothing is known."""

    def form(self, _: str) -> None:
        """Nothing is kept."""

    async def read(self, _: str) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(BusyError("busy", seconds=12.2), 13), (BusyError("busy", seconds=0), 1)],
)
async def test_a_broker_that_throttles_is_to_be_asked_again_when_it_says(
    settings: Settings, error: Exception, seconds: int
) -> None:
    assert await _retry_after(settings, error) == seconds


async def test_a_broker_that_is_out_of_reach_is_to_be_asked_again_soon(
    settings: Settings,
) -> None:
    assert await _retry_after(settings, UnreachableError("no answer")) == 5


async def test_a_broker_that_says_nothing_keeps_no_client_waiting_for_longer_than_promised(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = VirtualTime(monkeypatch)
    producer = CeleryProducer(settings)
    producer._sends = cast("AsyncPublisher", Silent())
    began = time.now()
    with pytest.raises(BrokerUnavailable):
        await producer.enqueue(Payload(b"{}", {}))
    assert time.now() - began <= ANSWER_SECONDS
    await producer.aclose()


async def test_a_storage_that_says_nothing_keeps_no_client_waiting_for_longer_than_promised(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = VirtualTime(monkeypatch)
    producer = CeleryProducer(settings)
    monkeypatch.setattr(producer, "_results", Silent())
    began = time.now()
    with pytest.raises(StorageUnavailable):
        await status_told(producer, "00000000-0000-4000-8000-000000000000")
    assert time.now() - began <= ANSWER_SECONDS
    await producer.aclose()


class Accepting:
    """Stands for the publisher of a broker that takes everything at once, and keeps it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def publish(self, _entity: str, message: bytes, _seconds: float) -> None:
        self.taken.append(message)

    async def aclose(self) -> None:
        """Nothing is open."""


class Keeping(Accepting):
    """Keeps what it takes."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def publish(self, *arguments: object) -> None:
        self.messages.append(cast("bytes", arguments[1]))


async def test_only_a_job_with_a_new_id_is_sent_as_the_first_of_its_task(
    settings: Settings,
) -> None:
    producer, sends = CeleryProducer(settings), Keeping()
    producer._sends = cast("AsyncPublisher", sends)
    job = Payload(b"{}", {})
    await producer.enqueue(job)
    await producer.enqueue(job, task_id=producer.ids.new())  # perhaps not for the first time
    assert [FIRST_COPY in Received(each).properties for each in sends.messages] == [True, False]
    await producer.aclose()


class Shelf:
    """Stands for a reader of results; one result, for any task, and counts who asks for it."""

    def __init__(self) -> None:
        self.meta: dict[str, Any] | None = None
        self.reads = 0

    def known(self, _: str) -> None:
        """Nothing is known."""

    def form(self, _: str) -> None:
        """Nothing is kept."""

    def keep_form(self, *_: object) -> None:
        """Nothing is."""

    async def read(self, _: str) -> StoredResult | None:
        self.reads += 1
        return None if self.meta is None else StoredResult(self.meta, '"1"')

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def fresh(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[CeleryProducer, Shelf]]:
    """In virtual time: a producer before a broker that takes all, and what is stored of a task."""
    VirtualTime(monkeypatch)
    producer, shelf = CeleryProducer(settings), Shelf()
    producer._sends = cast("AsyncPublisher", Accepting())
    monkeypatch.setattr(producer, "_results", shelf)
    yield producer, shelf
    await producer.aclose()


Fresh = tuple[CeleryProducer, Shelf]


async def test_a_job_that_was_accepted_just_now_is_looked_for_a_moment_later(fresh: Fresh) -> None:
    producer, shelf = fresh
    task_id = await producer.enqueue(Payload(b"{}", {}))
    shelf.meta = {"status": "SUCCESS", "result": 1}
    assert (await status_told(producer, task_id)).state == "PENDING"
    await asyncio.sleep(0.002)
    assert (await status_told(producer, task_id)).state == "PENDING"
    assert shelf.reads == 0
    await asyncio.sleep(0.002)
    assert (await status_told(producer, task_id)).state == "SUCCESS"
    await producer.enqueue(Payload(b"{}", {}))
    assert task_id not in producer._fresh


async def test_what_is_shown_of_a_job_that_was_accepted_just_now_asks_nobody(fresh: Fresh) -> None:
    producer, shelf = fresh
    task_id = await producer.enqueue(Payload(b"{}", {}))
    shelf.meta = {"status": "SUCCESS", "result": 1}
    assert await producer.shown(task_id, _state) == "PENDING"
    assert shelf.reads == 0
    await asyncio.sleep(0.006)
    assert await producer.shown(task_id, _state) == "SUCCESS"


async def test_what_was_told_of_a_job_is_not_taken_back(fresh: Fresh) -> None:
    producer, shelf = fresh
    task_id = await producer.enqueue(Payload(b"{}", {}))
    shelf.meta = {"status": "STARTED"}
    assert await producer.record(task_id) is not None
    assert (await status_told(producer, task_id)).state == "STARTED"


async def test_a_job_that_is_cancelled_at_once_shows_it(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer, shelf = fresh
    monkeypatch.setattr(producer, "_cancel", lambda _: Cancelling.CANCELLED)
    task_id = await producer.enqueue(Payload(b"{}", {}))
    await producer.cancel(task_id)
    shelf.meta = {"status": "REVOKED"}
    assert (await status_told(producer, task_id)).state == "FAILURE"


async def test_a_job_that_is_sent_again_under_its_id_may_have_ended_long_ago(fresh: Fresh) -> None:
    producer, shelf = fresh
    shelf.meta = {"status": "SUCCESS", "result": 1}
    task_id = await producer.enqueue(Payload(b"{}", {}), task_id=producer.ids.new())
    assert (await status_told(producer, task_id)).state == "SUCCESS"


class Deposits:
    """Stands for a store of claims; keeps what it is given."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def deposit(self, _task_id: str, body: bytes) -> str:
        self.bodies.append(body)
        return "claims/a.json"

    def close(self) -> None:
        """Nothing is open."""


LONG = b'{"a":"%b"}' % (b"x" * (MAX_INLINE_BYTES - 8))
BLANKS = b" " * MAX_INLINE_BYTES


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        pytest.param(b'{"a": 1.50, "\\u00e9": 1}\n', None, id="as it came"),
        pytest.param(b"\xef\xbb\xbf{}", b"{}", id="a byte order mark"),
        pytest.param(b"{" + BLANKS + b'"a" : 1}', b'{"a":1}', id="too many blanks"),
        pytest.param(LONG, None, id="the longest"),
    ],
)
async def test_a_payload_travels_as_the_client_sent_it_if_it_fits(
    fresh: Fresh, body: bytes, sent: bytes | None
) -> None:
    producer, _ = fresh
    data = parse_payload(body)
    await producer.enqueue(Payload(body, data))
    (message,) = cast("Accepting", producer._sends).taken
    received = Received(message).body
    assert received.startswith(b'[[],{"payload":' + (body if sent is None else sent) + b"},")
    assert json.loads(received)[1] == {"payload": data}


async def test_a_payload_that_is_too_long_without_its_blanks_goes_by_claim(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer, _ = fresh
    claims = Deposits()
    monkeypatch.setattr(producer, "_claims", claims)
    body = LONG.replace(b'"a":', b'"aa" : ')
    await producer.enqueue(Payload(body, parse_payload(body)))
    (message,) = cast("Accepting", producer._sends).taken
    assert json.loads(Received(message).body)[1] == {"claim": "claims/a.json"}
    assert claims.bodies == [body]


class Stored:
    """A container in which every blob has the same content."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def read(self, _: str) -> Blob:
        return Blob(self._content, '"1"')

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SECRET",
        b"\xffSECRET",
        b"[" * 100_000,
        b'["SECRET"]',
        b'{"SECRET": 1}',
        b'{"status": ["SECRET"]}',
        b'{"status": "SUCCESS", "facts": "SECRET"}',
    ],
)
async def test_what_is_no_state_is_told_in_a_line_that_quotes_nothing_of_it(
    settings: Settings,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    producer = CeleryProducer(settings)
    monkeypatch.setattr(producer._results, "_blobs", Stored(content))
    with pytest.raises(UnreadableRecord):
        await producer.record("a")
    (line,) = caplog.records
    assert line.getMessage().startswith("What is stored of task a is no state: ")
    assert "SECRET" not in caplog.text
    await producer.aclose()


async def test_what_is_shown_of_a_success_is_made_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = CeleryProducer(settings)
    monkeypatch.setattr(producer._results, "_blobs", Stored(b'{"status":"SUCCESS","result":7}'))
    made = []

    def show(status: JobStatus) -> str:
        made.append(status)
        return "shown"

    assert [await producer.shown("a", show) for _ in range(3)] == ["shown"] * 3
    assert made == [JobStatus("a", JobState.SUCCESS, 7)]
    await producer.aclose()


async def test_what_is_shown_of_a_job_that_runs_is_made_each_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = CeleryProducer(settings)
    monkeypatch.setattr(producer._results, "_blobs", Stored(b'{"status":"STARTED"}'))
    shown = iter(["first", "second"])
    assert await producer.shown("a", lambda _: next(shown)) == "first"
    assert await producer.shown("a", lambda _: next(shown)) == "second"
    await producer.aclose()


async def _retry_after(settings: Settings, error: Exception) -> int:
    producer = CeleryProducer(settings)
    producer._sends = cast("AsyncPublisher", Refusing(error))
    try:
        with pytest.raises(BrokerUnavailable) as caught:
            await producer.enqueue(Payload(b"{}", {}))
    finally:
        await producer.aclose()
    return caught.value.retry_after_seconds


def _state(status: JobStatus) -> str:
    return status.state
