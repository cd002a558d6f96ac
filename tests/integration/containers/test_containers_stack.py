"""The containers stack, beside what every stack's tests show."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from harness import engine
from harness.container_guard import LABEL
from harness.processes import ManagedProcess
from harness.stack import StackUnavailableError
from harness.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.containers.conftest import Labelled

STACK = """
import signal
from harness.containers import ContainersStack
stack = ContainersStack(print)
print("run", stack._guard.run, flush=True)
signal.pause()
"""


def test_nothing_is_left_when_its_process_is_killed(labelled: Labelled) -> None:
    settings = {"SERVICEBUS_EMULATOR": "ours"}
    with ManagedProcess("stack", [sys.executable, "-c", STACK], settings=settings) as process:
        run = process.wait_for_line(r"run (\w+)", timeout=60).group(1)
        assert len(labelled(f"{LABEL}={run}")) == 2

        process.kill()

        wait_until(lambda: not labelled(f"{LABEL}={run}"), "the end of the containers", 30)


def test_an_image_that_nobody_has_is_named(client: Any) -> None:
    with pytest.raises(
        StackUnavailableError, match=r"localhost/nobody-has-this:1 cannot be pulled"
    ):
        engine.pull_missing(client, ["localhost/nobody-has-this:1"], print)


def test_an_image_that_cannot_be_built_is_named(client: Any, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM localhost/nobody-has-this:1\n")

    with pytest.raises(StackUnavailableError, match=r"the image localhost/x cannot be built"):
        engine.build(client, tmp_path, [], "Dockerfile", "localhost/x", "none")
