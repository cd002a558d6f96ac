"""The pictures of a load test: throughput and latency percentiles over time, and the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from loadtests.outcome import Outcome

_PERCENTILES = (("p50", "#2da44e"), ("p95", "#bf8700"), ("p99", "#cf222e"))


def draw(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write `load.png` and `load.svg`: one line of two pictures for each run."""
    shown = [outcome for outcome in outcomes if outcome.seconds]
    if not shown:
        return
    figure, axes = plt.subplots(
        len(shown), 2, figsize=(13, 2.6 * len(shown)), squeeze=False, layout="constrained"
    )
    for (rate, latency), outcome in zip(axes, shown, strict=True):
        seconds = [second.second for second in outcome.seconds]
        rate.plot(seconds, [second.requests for second in outcome.seconds], color="#1f6feb")
        rate.set_title(f"{outcome.scenario.name}, {outcome.target.name}", fontsize=9, loc="left")
        rate.set_ylabel("requests a second", fontsize=8)
        rate.set_ylim(bottom=0)
        users = rate.twinx()
        users.step(
            seconds,
            [second.users for second in outcome.seconds],
            where="post",
            color="#9aa4b2",
            linestyle=":",
        )
        users.set_ylim(bottom=0)
        users.set_ylabel("users (dotted)", fontsize=8)
        for name, colour in _PERCENTILES:
            values = [getattr(second, name) for second in outcome.seconds]
            latency.plot(seconds, values, color=colour, label=name)
        latency.set_yscale("log")
        latency.set_ylabel("latency, ms", fontsize=8)
        latency.legend(fontsize=7, ncols=3, loc="upper right")
        for axis in (rate, latency, users):
            axis.tick_params(labelsize=7)
            axis.set_xlabel("seconds", fontsize=8)
    for kind in ("png", "svg"):
        figure.savefig(folder / f"load.{kind}", dpi=100)
    plt.close(figure)


def draw_steps(folder: Path, steps: Sequence[tuple[int, float, float]], knee: int | None) -> None:
    """Write `knee.png` and `knee.svg`: requests a second and p95 by users."""
    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    users = [step[0] for step in steps]
    axis.plot(users, [step[1] for step in steps], "o-", color="#1f6feb")
    axis.set_xscale("log", base=2)
    axis.set_xlabel("users")
    axis.set_ylabel("requests a second", color="#1f6feb")
    axis.set_ylim(bottom=0)
    late = axis.twinx()
    late.plot(users, [step[2] for step in steps], "s--", color="#bf8700")
    late.set_ylabel("p95, ms (dashed)", color="#bf8700")
    late.set_ylim(bottom=0)
    if knee is not None:
        axis.axvline(knee, color="#cf222e", linewidth=1)
        axis.set_title(f"knee at {knee} users")
    for kind in ("png", "svg"):
        figure.savefig(folder / f"knee.{kind}", dpi=100)
    plt.close(figure)
