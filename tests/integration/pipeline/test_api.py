"""The running API, beside payloads."""

import uuid

import httpx

from harness.pytest_plugin import RunningApp
from tests.integration.jobs import JSON, Client, come_again


def test_the_root_says_hello(client: Client) -> None:
    assert client.http.get("/").json() == {"message": "Hello World"}


def test_the_system_is_ready(client: Client) -> None:
    response = come_again(lambda: client.http.get("/readyz"))

    assert response.status_code == 200
    assert response.json()["components"] == {"broker": "ok", "storage": "ok"}


def test_an_unknown_task_is_pending(client: Client) -> None:
    task_id = str(uuid.uuid4())

    assert client.status(task_id) == {"task_id": task_id, "status": "PENDING", "result": None}


def test_both_spellings_of_enqueue_answer_without_a_redirect(client: Client) -> None:
    for path in ("/enqueue", "/enqueue/"):
        response = client.http.post(path, content=b"{}", headers=JSON)
        assert response.status_code == 200
        client.result(response.json()["task_id"])


def test_neither_payloads_nor_secrets_are_logged(client: Client, running_app: RunningApp) -> None:
    client.result(client.enqueue(b'{"password":"hunter2"}'))

    for process in (running_app.api, running_app.worker):
        assert "hunter2" not in process.output
        assert running_app.settings["SERVICE_BUS_KEY"] not in process.output
        assert "AccountKey" not in process.output


def test_many_clients_at_once_all_get_their_own_result(client: Client) -> None:
    sent = {client.enqueue(b'{"n":%d}' % number): number for number in range(40)}

    assert len(sent) == 40
    for task_id, number in sent.items():
        assert client.result(task_id) == {"processed": {"n": number}}


def test_the_openapi_document_is_served(running_app: RunningApp) -> None:
    document = httpx.get(f"{running_app.url}/openapi.json", trust_env=False).json()

    assert {"/enqueue/", "/status/{task_id}", "/healthz", "/readyz", "/"} <= set(document["paths"])
