"""Run the tests again and again: `python -m tests.repeat [--times N] [options of pytest]`.

After each run it looks for processes and files that are left. It stops at the first run that is
not green, or not clean.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.environment import ROOT
from harness.waiting import wait_until
from tests import hygiene

_PATIENCE = 30.0  # seconds, for processes that are about to end


def main() -> int:
    """Run; 0 when all runs were green and clean."""
    parser = argparse.ArgumentParser(prog="nox -s repeat --", description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how many runs (default 10)")
    options, of_pytest = parser.parse_known_args()
    took: list[float] = []
    for number in range(1, options.times + 1):
        begin = time.monotonic()
        left = run(of_pytest)
        took.append(time.monotonic() - begin)
        say(f"run {number} of {options.times}: {took[-1]:.0f} s, {left or 'green and clean'}")
        if left:
            return 1
    say(f"{len(took)} runs, {min(took):.0f} to {max(took):.0f} s, median {_median(took):.0f} s")
    return 0


def run(of_pytest: list[str]) -> str:
    """One run; what is wrong, or nothing."""
    before = _work_tree()
    mark, environment = hygiene.marked()
    with tempfile.TemporaryDirectory(prefix="tests-") as base:
        temporary = Path(base, "tmp")
        temporary.mkdir()
        environment["TMPDIR"] = str(temporary)
        command = [sys.executable, "-m", "pytest", "-q", f"--basetemp={base}/kept", *of_pytest]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False)  # noqa: S603
        if done.returncode:
            return f"pytest ended with exit code {done.returncode}"
        try:
            wait_until(lambda: not hygiene.processes(mark), "the end of all processes", _PATIENCE)
        except TimeoutError:
            return f"processes are left: {hygiene.processes(mark)}"
        if files := hygiene.files(temporary):
            return f"temporary files are left: {sorted(files)}"
    return f"the work tree has changed: {after}" if (after := _work_tree()) != before else ""


def say(text: str) -> None:
    """Tell the person who waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0


def _work_tree() -> str:
    status = ["git", "status", "--porcelain"]
    return subprocess.run(status, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
