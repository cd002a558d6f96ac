"""The prefork pool with children that run."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from itertools import product

import pytest

from harness.environment import ROOT, child_environment
from tests.integration.transport.pool_run import SIZES


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_each_task_ends_as_it_should_in_children_that_come_and_go() -> None:
    command = [sys.executable, "-m", "tests.integration.transport.pool_run"]
    done = subprocess.run(  # noqa: S603 - our own
        [*command, "celery_azure.prefork:TaskPool"],
        cwd=ROOT,
        env=child_environment({}),
        capture_output=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()

    told = json.loads(done.stdout)
    sizes = [*product(SIZES, SIZES), *[None] * 4, *[(0, 1)] * 120]
    expected = [
        [number, f"{sha256(bytes([number]) * size[0]).hexdigest()} {size[1]}"]
        for number, size in enumerate(sizes)
        if size
    ]
    ends = ("ValueError", "TimeLimitExceeded", "WorkerLostError", "ValueError")
    expected += [[100 + place, end] for place, end in enumerate(ends)]
    assert told["ended"] == sorted(expected)
    assert told["accepted"] == [number for number, _ in told["ended"]]
