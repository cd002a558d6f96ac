"""`python -m loadtests`: bring up a stack, put it under load, compare it with the floor.

Without --url: emulators, a worker and the API on this machine, next to the floor, which is the same
FastAPI app without broker and storage. With --url: what runs there, which is yours.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import http_server, machine
from benchmarks.brokers import FLOOR
from benchmarks.figures import OURS
from harness.embedded import EmbeddedStack
from harness.environment import ROOT
from harness.live import start_worker
from loadtests import null_server, plots, report, thresholds
from loadtests.outcome import Outcome, Scenario, Target
from loadtests.run import run
from loadtests.series import by_users, knee

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUEUE = "load"
_NULL = "null endpoint"
_NULL_SECONDS = 5
_WORKER = ("--pool=threads", "--concurrency=8")
_SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("enqueue", "EnqueueUser", "POST /enqueue/"),
        Scenario("status", "StatusUser"),
        Scenario("mixed", "MixedUser"),
        Scenario("end-to-end", "EndToEndUser", "enqueue to SUCCESS"),
    )
}
_STEPPED = _SCENARIOS["enqueue"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load test; 1 when a threshold was missed."""
    options = _options(arguments)
    limits = thresholds.read(options.thresholds)
    options.output.mkdir(parents=True, exist_ok=True)
    noise = machine.Noise()
    noise.sample()
    begin = time.monotonic()
    about = [machine.describe(), machine.load()]
    outcomes: list[Outcome] = []
    steps: list[tuple[int, float, float]] = []
    with ExitStack() as cleanup:
        process, url = null_server.start()
        null = Target(_NULL, url, cleanup.enter_context(process).pid)
        targets = [Target(options.url, options.url.rstrip("/"))] if options.url else _stack(cleanup)
        measured = targets[-1]
        _say("How fast Locust is when it waits for nobody")
        outcomes.append(_run(_SCENARIOS["enqueue"], null, options, _NULL_SECONDS))
        for name in options.only:
            _say(f"{name}, {options.users} users, {options.seconds} s each")
            noise.sample()
            outcomes += [
                _run(_SCENARIOS[name], target, options, options.seconds) for target in targets
            ]
        if options.step_seconds:
            _say(f"Steps of {options.step_seconds} s, up to {options.users} users")
            stepped = _run(_STEPPED, measured, options, 0, steps=options.step_seconds)
            outcomes.append(stepped)
            steps = by_users(stepped.seconds, options.step_seconds)
    noise.sample()
    about += [noise.describe(), f"duration: {time.monotonic() - begin:.0f} s"]
    pairs = _pairs(outcomes, measured)
    about += [
        thresholds.compared(name, ours, floor) for name, (ours, floor) in pairs.items() if floor
    ]
    missed = [
        sentence
        for name, limit in limits.items()
        if name in pairs
        for sentence in thresholds.missed(name, limit, *pairs[name])
    ]
    bend = knee(steps)
    print("\n" + report.text(outcomes, about))
    _print_steps(steps, bend)
    report.write(options.output, outcomes, about, steps=steps, knee=bend, missed=missed)
    plots.draw(options.output, outcomes)
    if steps:
        plots.draw_steps(options.output, steps, bend)
    print(f"Written to {options.output}")
    for sentence in missed:
        print(f"MISSED  {sentence}")
    if not missed:
        print("Every threshold is reached." if not options.url else "No more failed than may.")
    return 1 if missed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s load --", description=__doc__)
    parser.add_argument(
        "--url",
        default="",
        help="an API of yours, whose key is in QUEUE_KEY, not one made here",
    )
    parser.add_argument("--users", type=int, default=16, help="at the same time (default 16)")
    parser.add_argument("--seconds", type=int, default=15, help="for each scenario (default 15)")
    parser.add_argument(
        "--step-seconds", type=int, default=5, help="of a step when looking for the knee; 0: no"
    )
    parser.add_argument(
        "--only",
        metavar="NAME[,NAME]",
        help=f"some of: {', '.join(_SCENARIOS)}",
        type=lambda text: text.split(","),
        default=list(_SCENARIOS),
    )
    parser.add_argument("--quick", action="store_true", help="4 users, 4 s, no steps: CI's smoke")
    here = Path(__file__).parent
    parser.add_argument("--thresholds", type=Path, default=here / "thresholds.toml")
    parser.add_argument("--output", type=Path, default=ROOT / "output" / "load")
    options = parser.parse_args(arguments)
    unknown = set(options.only) - set(_SCENARIOS)
    if unknown:
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}")
    if options.quick:
        options.users, options.seconds, options.step_seconds = 4, 4, 0
    return options


def _stack(cleanup: ExitStack) -> list[Target]:
    """Start the floor and ours; ours is the last."""
    _say("Starting emulators, worker, API and the floor")
    stack = cleanup.enter_context(EmbeddedStack(_say, queues=(_QUEUE,)))
    settings = stack.endpoints.settings(_QUEUE, "load")
    cleanup.enter_context(start_worker(settings, options=_WORKER))
    targets = []
    for name in (FLOOR, OURS):
        api, port = http_server.start(name, None, _QUEUE, settings)
        pid = cleanup.enter_context(api).pid
        targets.append(Target(name, f"http://127.0.0.1:{port}", pid))
    return targets


def _run(
    scenario: Scenario, target: Target, options: argparse.Namespace, seconds: int, steps: int = 0
) -> Outcome:
    return run(
        scenario,
        target,
        options.output,
        users=options.users,
        seconds=seconds,
        steps=steps,
        say=_say,
    )


def _pairs(
    outcomes: Sequence[Outcome], measured: Target
) -> dict[str, tuple[thresholds.Figures, thresholds.Figures | None]]:
    """Of each scenario our figures and the floor's; the first run counts, not that in steps."""
    found: dict[tuple[str, str], thresholds.Figures] = {}
    for outcome in outcomes:
        found.setdefault((outcome.scenario.name, outcome.target.name), outcome.figures)
    return {
        scenario: (figures, found.get((scenario, FLOOR)))
        for (scenario, target), figures in found.items()
        if target == measured.name
    }


def _print_steps(steps: Sequence[tuple[int, float, float]], bend: int | None) -> None:
    for users, rate, late in steps:
        print(f"{users:5} users {rate:8.0f}/s   p95 {late:8.1f} ms")
    if steps:
        print(f"The knee is at {bend} users.\n" if bend else "No knee up to here.\n")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
