"""What a client of the API does: enqueue, and ask until there is an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx

from harness.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

ENDED = {"SUCCESS", "FAILURE"}
JSON = {"Content-Type": "application/json"}


def come_again(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask until the answer is none that says to come again, as from a machine that is too busy."""

    def answer() -> httpx.Response | None:
        response = ask()
        return None if response.status_code == httpx.codes.SERVICE_UNAVAILABLE else response

    return wait_until(answer, "an answer that is not 503")


class Client:
    """A client of a running API."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def post(self, body: bytes) -> httpx.Response:
        """Enqueue a body as it is."""
        return self.http.post("/enqueue/", content=body, headers=JSON)

    def enqueue(self, body: bytes) -> str:
        """Enqueue a body that must be accepted; the id of its task."""
        response = come_again(lambda: self.post(body))
        assert response.status_code == 200, response.text
        task_id = response.json()["task_id"]
        assert response.headers["location"] == f"/status/{task_id}"
        return str(task_id)

    def status(self, task_id: str) -> dict[str, Any]:
        """The answer of `/status`, which must be 200."""
        response = come_again(lambda: self.http.get(f"/status/{task_id}"))
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert set(answer) == {"task_id", "status", "result"}
        return answer

    def wait_for(self, task_id: str, *states: str, timeout: float = 60.0) -> dict[str, Any]:
        """Ask until the job is in one of the states; the answer."""

        def look() -> dict[str, Any] | None:
            answer = self.status(task_id)
            return answer if answer["status"] in states else None

        return wait_until(look, f"{' or '.join(states)} of {task_id}", timeout)

    def result(self, task_id: str, timeout: float = 60.0) -> Any:
        """Wait for the end of a job, which must be a success; its result."""
        answer = self.wait_for(task_id, *ENDED, timeout=timeout)
        assert answer["status"] == "SUCCESS", answer
        return answer["result"]
