"""Whatever ends a run of the tests, nothing of it is left: no process, no port, no file."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness.environment import ROOT
from harness.waiting import wait_until
from tests import hygiene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

RUN = """
import pathlib, re, threading

def test_it(stack):
    ports = re.findall(r":([0-9]+)", stack.endpoints.namespace + stack.endpoints.settings("q")[
        "AZURE_BLOB_CONNECTION_STRING"])
    pathlib.Path(__file__).with_name("ports").write_text(" ".join(ports))
    if {waits}:
        threading.Event().wait()
"""


def is_refused(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(
    ("number", "options"),
    [
        pytest.param(None, [], id="it ends"),
        pytest.param(signal.SIGINT, [], id="Ctrl-C"),
        pytest.param(9, ["-p", "xdist", "-n", "1"], id="killed, with a worker of xdist"),
    ],
)
def test_nothing_is_left_of_a_run(tmp_path: Path, number: int | None, options: list[str]) -> None:
    project, temporary = tmp_path / "project", tmp_path / "tmp"
    for folder in (project, temporary):
        folder.mkdir()
    (project / "test_run.py").write_text(RUN.format(waits=number is not None))
    told = project / "ports"
    mark, environment = hygiene.marked()
    environment |= {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take seconds
    # Whoever is started in the background of a shell inherits that Ctrl-C is ignored.
    heed = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start = heed + "import pytest; sys.exit(pytest.main())"
    command = [sys.executable, "-c", start, "-q", "-p", "harness.pytest_plugin", *options]
    with subprocess.Popen(  # noqa: S603 - pytest
        [*command, f"--rootdir={project}", "-c", "/dev/null", f"--basetemp={tmp_path / 'base'}"],
        cwd=project,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as run:
        wait_until(told.exists, "a stack that runs")
        ports = wait_until(lambda: re.findall(r"\d+", told.read_text()), "its ports")
        if number is not None:
            assert len(hygiene.processes(mark)) >= 4  # pytest, its guard, and the two emulators
            run.send_signal(number)
        run.wait(timeout=60)

    wait_until(lambda: not hygiene.processes(mark), "the end of all its processes")
    assert len(ports) == 2
    # A process that ends shows no environment a moment before its sockets are closed.
    wait_until(lambda: all(map(is_refused, map(int, ports))), "the end of its ports")
    assert hygiene.files(project) == {"test_run.py", "ports"}
    assert hygiene.files(temporary) == set()
