from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from celery_azure.amqp.messages import Message
from celery_azure.connection import ServiceBusEndpoint
from celery_azure.errors import NotFoundError, TooLargeError, UnreachableError
from celery_azure.publisher import AsyncPublisher
from servicebus_emulator.nodes.sas import ROOT_KEY
from tests.unit.celery_azure.loop_broker import LoopBroker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ENDPOINT = ServiceBusEndpoint("here", 5672, None, ROOT_KEY.name, ROOT_KEY.key)
PAYLOAD = Message(b"payload").to_bytes()
SECONDS = 20.0
WRITES = 8
"""Of a client until its first message has left: headers, open, tokens, attach, send."""


@pytest.fixture
async def broker(monkeypatch: pytest.MonkeyPatch) -> LoopBroker:
    return LoopBroker(monkeypatch)


@pytest.fixture
async def publisher(broker: LoopBroker) -> AsyncIterator[AsyncPublisher]:
    publisher = AsyncPublisher(ENDPOINT)
    yield publisher
    await publisher.aclose()


def creating(create: Callable[[str], None]) -> AsyncPublisher:
    return AsyncPublisher(ENDPOINT, create)


async def test_many_at_once_share_a_connection_and_a_batch(
    broker: LoopBroker, publisher: AsyncPublisher
) -> None:
    await publisher.publish("jobs", PAYLOAD, SECONDS)
    await asyncio.gather(*(publisher.publish("jobs", PAYLOAD, SECONDS) for _ in range(50)))
    assert broker.bodies() == 51
    assert len(broker.lines) == 1
    assert publisher._senders["jobs"].deliveries == 2


async def test_a_second_queue_that_is_wanted_while_it_connects_needs_no_connection_of_its_own(
    broker: LoopBroker, publisher: AsyncPublisher
) -> None:
    broker.create_queue("other")
    broker.answers.clear()
    first = asyncio.create_task(publisher.publish("jobs", PAYLOAD, SECONDS))
    await broker.dialed.wait()
    broker.dialed.clear()
    second = asyncio.create_task(publisher.publish("other", PAYLOAD, SECONDS))
    for _ in range(10):  # turns of the loop, in which it could connect once more
        await asyncio.sleep(0)
    assert not broker.dialed.is_set()
    broker.answers.set()
    await asyncio.gather(first, second)
    assert len(broker.lines) == 1
    assert (broker.bodies(), broker.bodies("other")) == (1, 1)


@pytest.mark.parametrize("writes", range(1, WRITES + 1))
async def test_a_message_survives_a_cut_between_any_two_steps(
    broker: LoopBroker, publisher: AsyncPublisher, writes: int
) -> None:
    broker.cut_after = writes
    await publisher.publish("jobs", PAYLOAD, SECONDS)
    assert broker.bodies() == 1
    assert len(broker.lines) == (2 if broker.lines[0].closed else 1)


async def test_the_steps_of_the_cuts_are_all_there_are(
    broker: LoopBroker, publisher: AsyncPublisher
) -> None:
    await publisher.publish("jobs", PAYLOAD, SECONDS)
    assert broker.lines[0].writes <= WRITES


async def test_a_queue_that_is_missing_is_told_at_once(publisher: AsyncPublisher) -> None:
    with pytest.raises(NotFoundError):
        await publisher.publish("missing", PAYLOAD, SECONDS)
    with pytest.raises(NotFoundError):
        await publisher.check("missing", SECONDS)


async def test_a_link_that_was_refused_is_let_go_and_tried_at_once_when_it_is_needed(
    broker: LoopBroker, publisher: AsyncPublisher
) -> None:
    for _ in range(3):
        before = publisher._driver.now()
        with pytest.raises(NotFoundError):
            await publisher.publish("other", PAYLOAD, SECONDS)
        with pytest.raises(NotFoundError):
            await publisher.check("other", SECONDS)
        assert publisher._driver.now() - before < 1.0
        await asyncio.sleep(10)
        assert publisher._senders == {}
    broker.create_queue("other")
    await publisher.publish("other", PAYLOAD, SECONDS)
    assert broker.bodies("other") == 1


async def test_a_queue_that_is_missing_is_created_where_that_is_wanted(broker: LoopBroker) -> None:
    publisher = creating(broker.create_queue)
    await asyncio.gather(*(publisher.publish("new", PAYLOAD, SECONDS) for _ in range(3)))
    assert broker.bodies("new") == 3
    await publisher.aclose()


async def test_a_queue_that_cannot_be_created_is_told_with_one_warning(
    broker: LoopBroker, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(name: str) -> None:
        raise PermissionError(f"no right to create {name}\nand much more")

    publisher = creating(fail)
    with pytest.raises(NotFoundError):
        await publisher.publish("new", PAYLOAD, SECONDS)
    assert [record.getMessage() for record in caplog.records] == [
        "Queue 'new' does not exist and cannot be created: no right to create new"
    ]
    await publisher.aclose()


async def test_a_message_that_is_too_large_fails_alone(
    broker: LoopBroker, publisher: AsyncPublisher
) -> None:
    large = Message(b"x" * 300_000).to_bytes()
    fates = await asyncio.gather(
        *(publisher.publish("jobs", one, SECONDS) for one in (PAYLOAD, large, PAYLOAD)),
        return_exceptions=True,
    )
    assert [type(fate) for fate in fates] == [type(None), TooLargeError, type(None)]
    assert broker.bodies() == 2


@pytest.mark.parametrize(
    "refusal", [OSError("unplugged"), UnicodeError("label too long"), RuntimeError("odd")]
)
async def test_who_cannot_be_reached_is_told_in_time_and_tried_again(
    broker: LoopBroker, publisher: AsyncPublisher, refusal: Exception
) -> None:
    broker.refusal = refusal
    with pytest.raises(UnreachableError, match=rf"not sent \(here:5672: {refusal}\)"):
        await publisher.publish("jobs", PAYLOAD, 0.1)
    with pytest.raises(UnreachableError, match="no link in time"):
        await publisher.check("jobs", 0.01)
    broker.refusal = None
    await publisher.publish("jobs", PAYLOAD, SECONDS)
    await publisher.check("jobs", SECONDS)


async def test_an_error_of_our_own_is_logged_once_and_the_message_is_sent(
    broker: LoopBroker,
    publisher: AsyncPublisher,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = publisher._driver.engine
    receive, failures = engine.receive, [KeyError("a defect")]

    def fail_once(data: bytes, now: float) -> None:
        if failures and len(data) > 100:
            raise failures.pop()
        receive(data, now)

    monkeypatch.setattr(engine, "receive", fail_once)
    await publisher.publish("jobs", PAYLOAD, SECONDS)
    assert not failures
    assert broker.lines[0].closed
    [told] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert told.getMessage().endswith("it begins anew: KeyError: 'a defect'")


async def test_an_error_that_comes_again_and_again_is_not_told_every_time(
    broker: LoopBroker, publisher: AsyncPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    broker.refusal = OSError("unplugged")

    class Failing:
        times = 0

        def expire(self, now: float) -> None:
            self.times += 1
            raise KeyError(now and "a defect")

    failing = Failing()
    publisher._driver.engine.watch(failing)
    with pytest.raises(UnreachableError):
        await publisher.publish("jobs", PAYLOAD, 0.6)
    assert failing.times >= 2
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


async def test_a_socket_that_was_given_up_ends_no_other(
    broker: LoopBroker, publisher: AsyncPublisher
) -> None:
    await publisher.publish("jobs", PAYLOAD, SECONDS)
    old = broker.lines[0]
    line = publisher._driver._line
    assert line is not None
    old._is_told = True  # its end is not told yet
    publisher._driver._recover(KeyError("a defect"))
    await publisher.publish("jobs", PAYLOAD, SECONDS)
    line.data_received(b"a late word")
    line.connection_lost(None)
    await publisher.publish("jobs", PAYLOAD, SECONDS)
    assert len(broker.lines) == 2
    assert broker.bodies() == 3


async def test_who_waits_when_it_is_closed_is_told_so(broker: LoopBroker) -> None:
    publisher = AsyncPublisher(ENDPOINT)
    await publisher.publish("jobs", PAYLOAD, SECONDS)
    heard = asyncio.Event()
    broker.container.receive = lambda *_: heard.set()  # type: ignore[method-assign] # no answer
    under_way = asyncio.create_task(publisher.publish("jobs", PAYLOAD, SECONDS))
    elsewhere = asyncio.create_task(publisher.publish("other", PAYLOAD, SECONDS))
    await heard.wait()
    await publisher.aclose()
    for waiting in (under_way, elsewhere):
        with pytest.raises(UnreachableError, match="closed by this end"):
            await waiting
    with pytest.raises(UnreachableError, match="closed by this end"):
        await publisher.publish("jobs", PAYLOAD, SECONDS)


async def test_a_caller_that_is_cancelled_disturbs_no_other(
    broker: LoopBroker, publisher: AsyncPublisher
) -> None:
    tasks = [asyncio.create_task(publisher.publish("jobs", PAYLOAD, SECONDS)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    fates = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(fate) for fate in fates] == [type(None), asyncio.CancelledError, type(None)]
    assert broker.bodies() == 2
