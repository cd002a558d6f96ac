"""`python -m benchmarks`: start what is measured, measure, print the table, draw the plots."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    blob_cost,
    brokers,
    draining,
    emulator_cost,
    emulator_durability,
    emulator_rude,
    emulator_start,
    endurance,
    idling,
    machine,
    plots,
    publishing,
    report,
    serving,
    stopping,
    streaming,
)
from benchmarks.bench import Bench
from harness.embedded import EmbeddedStack
from harness.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.figures import Row

MEASUREMENTS: dict[str, Callable[[Bench], list[Row]]] = {
    "publish": publishing.measure,
    "enqueue": serving.measure_enqueue,
    "status": serving.measure_status,
    "server": serving.measure_server,
    "drain": draining.measure,
    "memory": endurance.measure,
    "stop": stopping.measure,
    "idle": idling.measure,
    "success": idling.measure_success,
    "events": streaming.measure,
    "blobs": blob_cost.measure,
    "emulator-start": emulator_start.measure,
    "emulator-stack": emulator_start.measure_stack,
    "emulator-messages": emulator_cost.measure_messages,
    "emulator-backlog": emulator_cost.measure_backlog,
    "emulator-scale": emulator_cost.measure_scale,
    "emulator-durability": emulator_durability.measure,
    "emulator-rude": emulator_rude.measure,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few samples: does it still run?")
    parser.add_argument(
        "--only",
        metavar="NAME[,NAME]",
        help=f"some of: {', '.join(MEASUREMENTS)}",
        type=lambda text: text.split(","),
        default=list(MEASUREMENTS),
    )
    parser.add_argument("--output", type=Path, default=ROOT / "output" / "bench")
    options = parser.parse_args(arguments)
    unknown = set(options.only) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    begin = time.monotonic()
    about = [machine.describe(), machine.load()]
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        stack = cleanup.enter_context(EmbeddedStack(_say))
        found = brokers.Brokers()
        if not all(name.startswith("emulator") for name in options.only):
            found = brokers.find(stack.endpoints, cleanup, folder, _say)
        bench = Bench(stack, found, folder, _say, quick=options.quick)
        rows: list[Row] = []
        for name in options.only:
            _say(f"[{time.monotonic() - begin:4.0f} s] {name}")
            rows += MEASUREMENTS[name](bench)
        bench.noise.sample()
    about += [bench.noise.describe(), f"duration: {time.monotonic() - begin:.0f} s"]
    if options.quick:
        about.append("quick: few samples, good for seeing that it runs and for nothing else")
    print(report.text(rows, about))
    report.write(options.output, rows, about, quick=options.quick)
    plots.draw(options.output, rows)
    print(f"Written to {options.output}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
