"""The API against a model: whatever clients, workers and outages do, and in whatever order."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from queue_app.api.application import create_app
from queue_app.dead_letters import InMemoryDeadLetters
from queue_app.jobs import CANCELLED_RESULT
from queue_app.payload import encode_json
from queue_app.producer import InMemoryProducer
from queue_app.services import Services
from queue_app.settings import Settings
from tests.property import strategies as given_json
from tests.property.profiles import walks

LIMIT = 20_000
JSON = {"Content-Type": "application/json"}
SETTINGS = {
    "service_bus_key_name": "name",
    "service_bus_key": "key",
    "service_bus_namespace": "localhost:5672",
    "service_bus_queue_name": "jobs",
    "azure_blob_connection_string": "https://account.blob.core.windows.net",
    "max_payload_bytes": LIMIT,
}


class ApiMachine(RuleBasedStateMachine):
    """The model: of each task its payload, state and result; of each key its body and task; of each
    dead letter its task."""

    tasks = Bundle("tasks")
    waiting = Bundle("waiting")
    running = Bundle("running")

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, tuple[str, Any]] = {}
        self.payloads: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[bytes, str]] = {}
        self.letters: dict[int, str] = {}
        self.down: set[str] = set()

    @initialize()
    def start_the_api(self) -> None:
        self.producer = InMemoryProducer()
        services = Services.in_memory(self.producer)
        assert isinstance(services.dead_letters, InMemoryDeadLetters)
        self.dead_letters = services.dead_letters
        app = create_app(Settings.model_validate(SETTINGS), services=services)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://api")
        self.loop = asyncio.Runner()

    def teardown(self) -> None:
        self.loop.run(self.http.aclose())
        self.loop.close()

    def get(self, path: str) -> httpx.Response:
        return self.loop.run(self.http.get(path))

    def post(self, body: bytes, key: str | None = None) -> httpx.Response:
        headers = JSON if key is None else {**JSON, "Idempotency-Key": f'"{key}"'}
        return self.loop.run(self.http.post("/enqueue/", content=body, headers=headers))

    def accept(self, response: httpx.Response, value: dict[str, Any]) -> str:
        """Take an answer that must be that of a new task; its id."""
        assert response.status_code == 200, response.text
        task_id = str(response.json()["task_id"])
        assert response.headers["location"] == f"/status/{task_id}"
        return self.know(task_id, value)

    def know(self, task_id: str, value: dict[str, Any]) -> str:
        assert task_id not in self.states
        self.states[task_id] = ("PENDING", None)
        self.payloads[task_id] = value
        return task_id

    def refuse(self, response: httpx.Response, *statuses: int) -> None:
        assert response.status_code in statuses, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code

    @rule(targets=(tasks, waiting), sent=given_json.payload_bodies())
    def enqueue(self, sent: tuple[bytes, dict[str, Any]]) -> Any:
        body, value = sent
        response = self.post(body)
        if len(body) > LIMIT:
            self.refuse(response, 413)
            return multiple()
        if "broker" in self.down:
            self.refuse(response, 503)
            assert response.json()["component"] == "broker"
            return multiple()
        return self.accept(response, value)

    @rule(
        targets=(tasks, waiting),
        key=st.text("abc", min_size=1, max_size=2),
        value=given_json.json_objects(max_leaves=3).filter(lambda v: len(encode_json(v)) < LIMIT),
    )
    @precondition(lambda self: not self.down)
    def enqueue_with_a_key(self, key: str, value: dict[str, Any]) -> Any:
        body = encode_json(value)
        response = self.post(body, key)
        if key not in self.keys:
            task_id = self.accept(response, value)
            assert "idempotency-replayed" not in response.headers
            self.keys[key] = (body, task_id)
            return task_id
        first_body, task_id = self.keys[key]
        if body != first_body:
            self.refuse(response, 422)
        else:
            assert response.json() == {"task_id": task_id}
        return multiple()

    @rule(key=st.text("abc", min_size=1, max_size=2))
    @precondition(lambda self: not self.down)
    def repeat_a_request(self, key: str) -> None:
        if key in self.keys:
            body, task_id = self.keys[key]
            response = self.post(body, key)
            assert response.json() == {"task_id": task_id}
            assert response.headers["idempotency-replayed"] == "true"

    @rule(
        targets=(tasks, waiting),
        jobs=st.lists(given_json.json_objects(max_leaves=3) | st.integers(), max_size=5),
    )
    def enqueue_a_batch(self, jobs: list[Any]) -> Any:
        body = encode_json(jobs)
        response = self.loop.run(self.http.post("/enqueue/batch", content=body, headers=JSON))
        fitting = [isinstance(job, dict) and len(encode_json(job)) <= LIMIT for job in jobs]
        if "broker" in self.down and any(fitting):
            self.refuse(response, 503)
            return multiple()
        assert response.status_code == 200, response.text
        answer = response.json()
        taken: list[str] = []
        for job, fits, item in zip(jobs, fitting, answer["items"], strict=True):
            if fits:
                assert item["status"] == 200
                taken.append(self.know(item["task_id"], job))
            else:
                assert item["status"] == item["problem"]["status"]
        assert (answer["accepted"], answer["refused"]) == (len(taken), len(jobs) - len(taken))
        return multiple(*taken)

    @rule(task_id=consumes(running), text=given_json.texts())
    def a_job_is_given_up(self, task_id: str, text: str) -> None:
        self.a_task_fails(task_id, text)
        number = self.dead_letters.bury(task_id, self.producer.payloads[task_id], "GaveUp", text)
        self.letters[number] = task_id

    @rule(everything=st.booleans(), data=st.data())
    @precondition(lambda self: "broker" not in self.down)
    def list_the_dead_letters(self, everything: bool, data: st.DataObject) -> None:
        after = 0 if everything else data.draw(st.integers(0, len(self.letters) + 1))
        items = self.get(f"/dead-letters?after={after}").json()["items"]
        assert {item["sequence_number"]: item["task_id"] for item in items} == {
            number: task_id for number, task_id in self.letters.items() if number > after
        }
        for item in items:
            letter = self.get(f"/dead-letters/{item['sequence_number']}").json()
            assert given_json.identical(letter["payload"], self.payloads[item["task_id"]])

    def choose(self, data: st.DataObject, verb: str) -> list[str]:
        """Settle some letters, or all; the tasks of those that were there."""
        wanted = data.draw(st.none() | st.lists(st.integers(1, len(self.letters) + 3), max_size=4))
        body = encode_json({"all": True} if wanted is None else {"sequence_numbers": wanted})
        path = f"/dead-letters/{verb}"
        response = self.loop.run(self.http.post(path, content=body, headers=JSON))
        assert response.status_code == 200, response.text
        answer = response.json()
        asked = set(self.letters) if wanted is None else set(wanted)
        assert set(answer["done"]) == asked & self.letters.keys()
        assert set(answer["missing"]) == asked - self.letters.keys()
        return [self.letters.pop(number) for number in answer["done"]]

    @rule(target=waiting, data=st.data())
    @precondition(lambda self: "broker" not in self.down)
    def requeue_dead_letters(self, data: st.DataObject) -> Any:
        return multiple(*self.choose(data, "requeue"))

    @rule(data=st.data())
    @precondition(lambda self: "broker" not in self.down)
    def delete_dead_letters(self, data: st.DataObject) -> None:
        self.choose(data, "delete")

    @rule(body=given_json.unfaithful_bodies() | given_json.malformed_bodies())
    def enqueue_what_cannot_be_kept(self, body: bytes) -> None:
        self.refuse(self.post(body), *((413,) if len(body) > LIMIT else (400, 422)))

    @rule(size=given_json.sizes_around(LIMIT))
    @precondition(lambda self: not self.down)
    def enqueue_at_the_limit(self, size: int) -> None:
        body = given_json.body_of_size(size)
        response = self.post(body)
        if size > LIMIT:
            self.refuse(response, 413)
            assert response.json()["limit"] == LIMIT
        else:
            self.accept(response, {"a": "x" * (size - len(b'{"a":""}'))})

    def may_end(self, task_id: str) -> bool:
        """A task that was requeued runs behind its failure; one that was cancelled never does."""
        state, result = self.states[task_id]
        return state != "SUCCESS" and result != CANCELLED_RESULT

    @rule(target=running, task_id=consumes(waiting))
    def a_worker_starts(self, task_id: str) -> str:
        self.producer.start(task_id)
        if self.states[task_id][0] == "PENDING":
            self.states[task_id] = ("STARTED", None)
        return task_id

    @rule(task_id=consumes(running), result=given_json.json_values(5))
    def a_worker_finishes(self, task_id: str, result: Any) -> None:
        self.producer.finish(task_id, result)
        if self.may_end(task_id):
            self.states[task_id] = ("SUCCESS", result)

    @rule(task_id=consumes(running), text=given_json.texts())
    def a_task_fails(self, task_id: str, text: str) -> None:
        self.producer.fail(task_id, ValueError(text))
        if self.may_end(task_id):
            self.states[task_id] = ("FAILURE", {"type": "ValueError", "message": text})

    @rule(task_id=tasks)
    @precondition(lambda self: not self.down)
    def cancel(self, task_id: str) -> None:
        response = self.loop.run(self.http.delete(f"/tasks/{task_id}"))
        if self.states[task_id][0] == "PENDING":
            assert response.status_code == 200
            shown = self.get(f"/status/{task_id}").json()
            assert (shown["status"], shown["result"]) == ("FAILURE", CANCELLED_RESULT)
            self.states[task_id] = ("FAILURE", CANCELLED_RESULT)
        elif self.states[task_id][0] == "STARTED":
            self.refuse(response, 409)

    @rule(task_id=tasks)
    def ask_for_a_status(self, task_id: str) -> None:
        response = self.get(f"/status/{task_id}")
        if "storage" in self.down:
            self.refuse(response, 503)
            assert response.json()["component"] == "storage"
            return
        assert response.status_code == 200
        state, result = self.states[task_id]
        shown = response.json()
        assert shown["task_id"] == task_id
        assert shown["status"] == state
        assert given_json.identical(shown["result"], result)

    @rule(task_id=st.uuids(version=4).map(str))
    @precondition(lambda self: "storage" not in self.down)
    def ask_for_a_stranger(self, task_id: str) -> None:
        assert self.get(f"/status/{task_id}").json() == {
            "task_id": task_id,
            "status": "PENDING",
            "result": None,
        }

    @rule(task_id=st.text(max_size=300))
    def ask_for_an_id_that_nobody_has(self, task_id: str) -> None:
        response = self.get(f"/status/{quote(task_id, safe='')}")
        assert response.status_code in {200, 404, 503}

    @rule(component=st.sampled_from(["broker", "storage"]))
    def take_down(self, component: Any) -> None:
        self.producer.take_down(component)
        self.down.add(component)

    @rule(component=st.sampled_from(["broker", "storage"]))
    def bring_up(self, component: Any) -> None:
        self.producer.bring_up(component)
        self.down.discard(component)

    @invariant()
    def what_was_accepted_was_sent_once_and_nothing_else(self) -> None:
        if hasattr(self, "producer"):
            sent = {task_id: sent.data for task_id, sent in self.producer.payloads.items()}
            assert sent.keys() == self.payloads.keys()
            if sent:
                newest = next(reversed(sent))
                assert given_json.identical(sent[newest], self.payloads[newest])

    @rule()
    def ask_whether_it_is_ready(self) -> None:
        response = self.get("/readyz")
        assert response.status_code == (503 if self.down else 200)
        components = response.json()["components"]
        assert {name for name, said in components.items() if said != "ok"} == self.down


TestApi = ApiMachine.TestCase
TestApi.settings = walks()
