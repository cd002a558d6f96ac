"""`python -m harness`, as a person runs it. One file: the tests take the same ports in turn."""

import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness import groups
from harness.__main__ import free_port
from harness.environment import ROOT
from harness.processes import ManagedProcess
from harness.waiting import wait_until

STARTED = 60.0


def harness(command: str) -> ManagedProcess:
    return ManagedProcess("harness", [sys.executable, "-m", "harness", command], folder=ROOT)


@pytest.fixture
def up() -> Iterator[ManagedProcess]:
    with harness("up") as process:
        process.wait_for_line("Everything runs", STARTED)
        yield process


@pytest.fixture
def emulators() -> Iterator[ManagedProcess]:
    with harness("emulators") as process:
        process.wait_for_line("Ctrl-C stops both", STARTED)
        yield process


def api_url(up: ManagedProcess) -> str:
    return up.wait_for_line(r"POST (http://127\.0\.0\.1:\d+)/enqueue/").group(1)


def children(pid: int) -> dict[int, str]:
    """Process ids of the direct children, with their command lines."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {
        int(child): Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
        for child in listed
    }


def find_child(process: ManagedProcess, words: str) -> int:
    (found,) = [pid for pid, command in children(process.pid).items() if words in command]
    return found


def is_refused(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def test_the_curl_line_that_it_prints_leads_to_a_finished_job_and_ctrl_c_stops_everything(
    up: ManagedProcess,
) -> None:
    url = api_url(up)
    with httpx.Client(base_url=url, trust_env=False) as client:
        task = client.post("/enqueue/", json={"hello": "world"}).raise_for_status().json()

        def has_succeeded() -> bool:
            return bool(client.get(f"/status/{task['task_id']}").json()["status"] == "SUCCESS")

        wait_until(has_succeeded, "the job's success")

    up.interrupt()
    assert up.wait() == 0
    assert up.output.endswith("Everything has stopped.")
    assert is_refused(int(url.rpartition(":")[2]))


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_when_one_dies_all_stop_and_it_says_which(up: ManagedProcess) -> None:
    port = int(api_url(up).rpartition(":")[2])
    groups.kill(find_child(up, "-m celery"))

    assert up.wait() == 1
    assert "The worker ended with exit code -9; stopping the others." in up.output
    assert is_refused(port)


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_nothing_runs_on_when_it_is_killed(emulators: ManagedProcess) -> None:
    left = [pid for pid, command in children(emulators.pid).items() if "guard" not in command]
    assert len(left) == 2
    emulators.kill()

    wait_until(
        lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in left),
        "the end of all children",
    )


def test_emulators_prints_the_five_settings_and_stops_when_asked(
    emulators: ManagedProcess,
) -> None:
    printed = re.findall(r"^([A-Z_]+)=(.+)$", emulators.output, re.MULTILINE)
    assert [name for name, _ in printed] == [
        "SERVICE_BUS_KEY_NAME",
        "SERVICE_BUS_KEY",
        "SERVICE_BUS_NAMESPACE",
        "SERVICE_BUS_QUEUE_NAME",
        "AZURE_BLOB_CONNECTION_STRING",
    ]
    emulators.terminate()
    assert emulators.wait() == 0
    assert emulators.output.endswith("Everything has stopped.")


def test_a_taken_port_is_named_and_another_chosen() -> None:
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        port = free_port(wanted, said.append, "API")
    assert port > wanted
    assert said == [f"Port {wanted} is taken; the API listens on {port}."]


def test_says_so_when_no_port_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.__main__._PORTS_TO_TRY", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"{wanted} is taken; none is left for the API"):
            free_port(wanted, lambda _: None, "API")
