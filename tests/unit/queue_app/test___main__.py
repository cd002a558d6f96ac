import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from queue_app.__main__ import Terminal, main
from queue_app.api_keys import ApiKeys, Caller
from queue_app.client import QueueClient

END = {"task_id": "t", "status": "SUCCESS", "result": {"a": 1}}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def answers() -> dict[str, Any]:
    return {}


@pytest.fixture
def run(answers: dict[str, Any]) -> Run:
    def answer(request: httpx.Request) -> httpx.Response:
        found = answers[f"{request.method} {request.url.path}"]
        found = found(request) if callable(found) else found
        return found if isinstance(found, httpx.Response) else httpx.Response(200, json=found)

    def call(*arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        code = main(
            arguments,
            make_client=lambda url, key: QueueClient(
                url, key=key, transport=httpx.MockTransport(answer)
            ),
            terminal=Terminal(out, err),
        )
        return code, out.getvalue(), err.getvalue()

    return call


def test_enqueue_prints_the_id(run: Run, answers: dict[str, Any]) -> None:
    answers["POST /enqueue/"] = {"task_id": "t"}
    assert run("enqueue", '{"a":1}') == (0, "t\n", "")


def test_enqueue_and_wait_shows_the_job_run_and_its_result(
    run: Run, answers: dict[str, Any]
) -> None:
    events = (
        'event: status\ndata: {"status":"STARTED"}\n\n'
        'event: progress\ndata: {"done":1,"total":2,"message":"half"}\n\n'
        'event: log\nid: 4\ndata: {"text":"one\\n","next":4}\n\n'
        f"event: end\ndata: {json.dumps(END)}\n\n"
    )
    answers["POST /enqueue/"] = {"task_id": "t"}
    answers["GET /status/t/events"] = httpx.Response(200, text=events)
    code, out, err = run("enqueue", "{}", "--wait")
    assert (code, json.loads(out)) == (0, END)
    assert err == "t\nSTARTED\n1/2 half\none\n"


def test_a_failed_job_is_exit_code_one(run: Run, answers: dict[str, Any]) -> None:
    answers["GET /status/t"] = END | {"status": "FAILURE"}
    assert run("status", "t")[0] == 1


def test_a_refusal_is_exit_code_three_and_says_why(run: Run, answers: dict[str, Any]) -> None:
    answers["GET /status/t"] = httpx.Response(404, json={"detail": "no such thing"})
    assert run("status", "t") == (3, "", "The API refused: 404: no such thing\n")


@pytest.mark.parametrize("text", ["{", '{"a": NaN}', "[" * 100_000])
def test_what_is_not_json_is_not_sent(run: Run, text: str) -> None:
    code, out, err = run("enqueue", text)
    assert (code, out) == (2, "")
    assert err.startswith(f"{text[:60]} is not JSON: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--key-file", "missing", "queue"),
        ("enqueue", "--lines", "missing"),
        ("--url", "http://here:port", "queue"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_line(run: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_line_that_is_not_json_is_told_and_nothing_sent(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "jobs.jsonl"
    file.write_text('{"a": 1}\n\n{"a": Infinity}\n', "utf-8")
    assert run("enqueue", "--lines", str(file)) == (
        2,
        "",
        '{"a": Infinity} is not JSON: Infinity is not JSON\n',
    )


class AlwaysFailing:
    """A dead-letter queue of jobs that come back, under new numbers, as soon as they are sent."""

    def __init__(self, count: int) -> None:
        self.numbers = list(range(1, count + 1))
        self.calls = 0

    def page(self, request: httpx.Request) -> Any:
        after, limit = int(request.url.params["after"]), int(request.url.params["limit"])
        behind = [number for number in self.numbers if number > after][:limit]
        items = [{"sequence_number": number} for number in behind]
        return {"items": items, "next": behind[-1] if len(behind) == limit else None}

    def requeue(self, request: httpx.Request) -> Any:
        self.calls += 1
        chosen = json.loads(request.content)
        wanted = self.numbers if chosen.get("all") else chosen["sequence_numbers"]
        done = [number for number in wanted if number in self.numbers][:1000]
        last = self.numbers[-1]
        self.numbers = [number for number in self.numbers if number not in done]
        self.numbers += range(last + 1, last + 1 + len(done))
        if self.calls > 10:
            raise RecursionError("for ever and ever")
        return {"done": done, "missing": [], "complete": not chosen.get("all")}


def test_all_dead_letters_are_requeued_once_each_though_their_jobs_fail_again(
    run: Run, answers: dict[str, Any]
) -> None:
    letters = AlwaysFailing(2500)
    answers["GET /dead-letters"] = letters.page
    answers["POST /dead-letters/requeue"] = letters.requeue
    code, out, err = run("dead-letters", "requeue", "--all")
    assert (code, err) == (0, "1000 of 2500 done.\n2000 of 2500 done.\n")
    assert json.loads(out) == {"done": [*range(1, 2501)], "missing": [], "complete": True}
    assert letters.calls == 3


def test_logs_are_written_as_they_are(run: Run, answers: dict[str, Any]) -> None:
    answers["GET /status/t/logs"] = httpx.Response(200, text="one\ntwo")
    assert run("logs", "-f", "t") == (0, "one\ntwo", "")


def test_dead_letters_need_numbers_or_all(run: Run, answers: dict[str, Any]) -> None:
    answers["POST /dead-letters/requeue"] = {"done": [1], "missing": [], "complete": True}
    answers["GET /dead-letters"] = {"items": [{"sequence_number": 1}], "next": None}
    assert run("dead-letters", "requeue")[0] == 2
    assert run("dead-letters", "requeue", "1", "--all")[0] == 2
    assert run("dead-letters", "requeue", "1")[0] == 0
    assert run("dead-letters", "requeue", "--all")[0] == 0


def test_a_new_key_is_shown_once_with_the_entry_for_the_settings(run: Run) -> None:
    code, out, err = run("new-key", "app", "enqueue+read")
    entry = err.splitlines()[-1]
    assert code == 0
    assert ApiKeys.parse(entry).caller(out.strip()) == Caller("app", frozenset({"enqueue", "read"}))
    assert out.strip() not in err


def test_a_key_with_another_scope_is_not_made(run: Run) -> None:
    assert run("new-key", "app", "everything")[:2] == (2, "")


@pytest.mark.parametrize("name", ["httpx", "pydantic_settings"])
def test_without_the_extra_keys_are_made_and_what_asks_the_api_says_what_is_missing(
    name: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "queue_app.settings", raising=False)
    monkeypatch.setitem(sys.modules, name, None)  # importing it fails

    assert run("new-key", "app", "read")[0] == 0
    needed = f"This command needs {name}, of the extra `client`: pip install '.[client]'\n"
    assert run("queue") == (2, "", needed)


@pytest.mark.parametrize("text", ["tomorrow", "2026-11-26T06:00:00"])
def test_a_time_that_is_none_is_told_by_an_example(
    text: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("enqueue", "{}", "--at", text)

    assert "--at: a time such as 2026-11-26T06:00:00Z is expected" in capsys.readouterr().err
