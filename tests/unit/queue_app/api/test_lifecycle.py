import asyncio
import signal

import httpx
import pytest
from fastapi import FastAPI

from queue_app.api.lifecycle import Lifecycle
from queue_app.errors import TooManyStreams
from queue_app.producer import InMemoryProducer
from tests.unit.queue_app.api.eventually import eventually
from tests.unit.queue_app.api.problem import assert_problem


@pytest.fixture
def asked_to_stop() -> list[int]:
    return []


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch, asked_to_stop: list[int]) -> None:
    """Play the server, whose handlers are in place before the application starts."""
    handlers: dict[int, object] = dict.fromkeys(
        (signal.SIGTERM, signal.SIGINT), lambda number, _frame: asked_to_stop.append(number)
    )
    monkeypatch.setattr(signal, "getsignal", handlers.__getitem__)
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(
        signal,
        "raise_signal",
        lambda number: handlers[number](number, None),  # type: ignore[operator]
    )


async def test_a_signal_closes_the_service_and_reaches_the_server(asked_to_stop: list[int]) -> None:
    lifecycle = Lifecycle(10)
    with lifecycle.closing_on_signals():
        signal.raise_signal(signal.SIGTERM)
    assert lifecycle.is_closing
    assert asked_to_stop == [signal.SIGTERM]


async def test_with_a_grace_the_server_hears_of_it_later(asked_to_stop: list[int]) -> None:
    lifecycle = Lifecycle(10, grace_seconds=0.02)
    with lifecycle.closing_on_signals():
        signal.raise_signal(signal.SIGTERM)
        assert lifecycle.is_closing
        assert asked_to_stop == []
        await eventually(lambda: asked_to_stop == [signal.SIGTERM])


async def test_a_second_signal_is_not_kept_waiting(asked_to_stop: list[int]) -> None:
    with Lifecycle(10, grace_seconds=60).closing_on_signals():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert asked_to_stop == [signal.SIGTERM]


async def test_ctrl_c_has_no_grace(asked_to_stop: list[int]) -> None:
    with Lifecycle(10, grace_seconds=60).closing_on_signals():
        signal.raise_signal(signal.SIGINT)
    assert asked_to_stop == [signal.SIGINT]


async def test_the_handlers_of_the_server_come_back(asked_to_stop: list[int]) -> None:
    lifecycle = Lifecycle(10)
    with lifecycle.closing_on_signals():
        pass
    signal.raise_signal(signal.SIGTERM)
    assert not lifecycle.is_closing
    assert asked_to_stop == [signal.SIGTERM]


async def test_a_thread_beside_the_main_one_handles_no_signals() -> None:
    def serve() -> bool:
        with Lifecycle(10).closing_on_signals():
            return True

    assert await asyncio.to_thread(serve)


def test_only_so_many_streams_are_admitted() -> None:
    lifecycle = Lifecycle(1)
    lifecycle.admit_stream()
    with lifecycle.stream(), pytest.raises(TooManyStreams):
        lifecycle.admit_stream()
    lifecycle.admit_stream()


async def test_a_service_that_closes_takes_no_jobs_and_is_not_ready(
    app: FastAPI, client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = (await client.post("/enqueue/", json={})).json()["task_id"]
    app.state.context.lifecycle.close()
    response = await client.post("/enqueue/", json={})
    assert_problem(response, 503, "closing")
    assert response.headers["retry-after"] == "1"
    assert_problem(await client.get("/readyz"), 503, "closing")
    assert (await client.get(f"/status/{task_id}")).status_code == 200
    assert (await client.get("/healthz")).status_code == 200
    assert list(producer.payloads) == [task_id]
