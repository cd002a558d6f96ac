"""The summary of a load test: a table for people, the same as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.figures import number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loadtests.outcome import Outcome

_HEADERS = (
    *("scenario", "target", "request", "a second", "p50 ms", "p95 ms", "p99 ms", "failed"),
    *("Locust CPU", "server CPU"),
)


def rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """The cells of the table, without its head."""
    cells = []
    for outcome in outcomes:
        for index, (name, row) in enumerate(sorted(outcome.summary.items())):
            generator = f"{outcome.generator:.0%}"
            if outcome.is_generator_the_limit:
                generator += " (!)"
            server = "" if outcome.server is None else f"{outcome.server:.0%}"
            first = (outcome.scenario.name, outcome.target.name) if not index else ("", "")
            cells.append(
                (
                    *first,
                    name,
                    *(number(row[key] or 0.0) for key in ("rate", "p50", "p95", "p99")),
                    str(row["failures"]),
                    *((generator, server) if not index else ("", "")),
                )
            )
    return cells


def text(outcomes: Sequence[Outcome], about: Sequence[str]) -> str:
    """The table for a terminal."""
    cells = [_HEADERS, *rows(outcomes)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADERS))]
    out = [*about, ""]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        out.append("  ".join(padded).rstrip())
    if any(outcome.is_generator_the_limit for outcome in outcomes):
        out.append(
            "(!) Locust had no processor left: the target may be faster than this, and ratios to "
            "it are flattering."
        )
    return "\n".join(out) + "\n"


def write(folder: Path, outcomes: Sequence[Outcome], about: Sequence[str], **facts: Any) -> None:
    """Write `load.txt` and `load.json` into a folder."""
    (folder / "load.txt").write_text(text(outcomes, about), encoding="utf-8")
    runs = [
        {
            "scenario": outcome.scenario.name,
            "target": outcome.target.name,
            "summary": outcome.summary,
            "generator_cpu": outcome.generator,
            "server_cpu": outcome.server,
            "seconds": [second.as_json() for second in outcome.seconds],
        }
        for outcome in outcomes
    ]
    content = {"about": list(about), **facts, "runs": runs}
    (folder / "load.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
