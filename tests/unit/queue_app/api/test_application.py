from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from queue_app.api import application
from queue_app.api.application import create_app
from queue_app.producer import InMemoryProducer, Payload
from queue_app.services import Services
from queue_app.settings import Settings
from queue_app.watching import FEW


async def test_the_producer_lives_as_long_as_the_application(
    app: FastAPI, producer: InMemoryProducer
) -> None:
    async with app.router.lifespan_context(app):
        assert not producer.closed
    assert producer.closed


async def test_the_producer_is_closed_when_serving_fails(
    app: FastAPI, producer: InMemoryProducer
) -> None:
    with pytest.raises(RuntimeError, match="serving"):
        async with app.router.lifespan_context(app):
            raise RuntimeError("serving")
    assert producer.closed


async def test_without_a_double_the_producer_is_made_at_start_and_not_before(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[InMemoryProducer] = []

    def make(given: Settings) -> Services:
        assert given is settings
        made.append(InMemoryProducer())
        return Services.in_memory(made[-1])

    monkeypatch.setattr(application, "_azure_services", make)
    app = create_app(settings)
    assert made == []
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            assert (await client.post("/enqueue", json={})).status_code == 200
    (producer,) = made
    assert len(producer.payloads) == 1
    assert producer.closed


async def test_who_watches_many_tasks_hears_of_changes(
    settings: Settings, producer: InMemoryProducer
) -> None:
    heard: list[str] = []

    class Changes:
        is_closed = False

        async def hear(self) -> list[str]:
            return heard

        async def aclose(self) -> None:
            self.is_closed = True

    changes = Changes()
    services = replace(Services.in_memory(producer), changes=changes)
    watcher = create_app(settings, services=services).state.context.watcher
    with ExitStack() as watched:
        watches = {
            task_id: watched.enter_context(watcher.watch(task_id, None))
            for task_id in [await producer.enqueue(Payload(b"{}", {})) for _ in range(FEW + 1)]
        }
        task_id, watch = next(iter(watches.items()))
        producer.start(task_id)
        heard.append(task_id)
        assert await watch.change(30)
    await services.aclose()
    assert changes.is_closed
