"""One run of Locust, as a process: its files, and what it came to."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from benchmarks.processes import cpu_seconds
from harness.environment import ROOT
from harness.processes import ManagedProcess
from loadtests.outcome import Outcome, Scenario, Target
from loadtests.series import Second

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_GRACE = 120.0


def run(
    scenario: Scenario,
    target: Target,
    folder: Path,
    *,
    users: int,
    seconds: int,
    steps: int = 0,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Run Locust headless; HTML, CSV and JSON go into a folder.

    Args:
        scenario: What its users do.
        target: Where.
        folder: For its files.
        users: How many at the same time; with steps, at most.
        seconds: How long, if there are no steps.
        steps: Seconds of each step of a step load; 0 for none.
        say: Given what Locust has to say.

    Raises:
        RuntimeError: Locust did not run.
    """
    prefix = folder / f"{scenario.name}{'-steps' if steps else ''}-{target.name.replace(' ', '-')}"
    series = prefix.with_suffix(".json")
    series.unlink(missing_ok=True)  # of an earlier run
    files = [str(ROOT / "loadtests" / "locustfile.py")]
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary", "--host", target.url]
    command += ["--users", str(users), "--csv", str(prefix), "--csv-full-history"]
    command += ["--html", f"{prefix}.html", "--series", str(series), "--exit-code-on-error", "0"]
    command += ["--loglevel", "WARNING", "--stop-timeout", "10"]
    if steps:
        files.append(str(ROOT / "loadtests" / "step_shape.py"))
        command += ["--step-seconds", str(steps)]
        seconds = steps * users.bit_length()
    else:
        command += ["--spawn-rate", str(users), "--run-time", f"{seconds}s"]
    command += ["-f", ",".join(files), scenario.user]
    before = None if target.pid is None else cpu_seconds(target.pid)
    with ManagedProcess("locust", command, folder=ROOT) as process:
        code = process.wait(timeout=seconds + _GRACE)
    if not series.exists():
        raise RuntimeError(f"Locust ended with exit code {code}:\n{process.output}")
    content = json.loads(series.read_text(encoding="utf-8"))
    server = None
    if target.pid is not None and before is not None:
        server = (cpu_seconds(target.pid) - before) / content["wall"]
    outcome = Outcome(
        scenario,
        target,
        [Second(**second) for second in content["seconds"]],
        content["summary"],
        content["cpu"] / content["wall"],
        server,
    )
    figures = outcome.figures
    say(f"  {target.name:<16} {figures.rate:8.0f}/s   p95 {figures.p95:8.1f} ms")
    return outcome
