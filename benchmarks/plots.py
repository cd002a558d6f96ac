"""The pictures of a run: each row's contenders as bars, medians with their spread."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import matplotlib as mpl

from benchmarks.figures import OURS, Row, number

mpl.use("Agg")
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_COLUMNS = 3
_OURS_COLOUR = "#1f6feb"
_OTHER_COLOUR = "#9aa4b2"


def draw(folder: Path, rows: Sequence[Row]) -> None:
    """Write `bench.png` and `bench.svg` into a folder."""
    measured = [row for row in rows if len(row.samples) > 1]  # a lone bar shows nothing
    if not measured:
        return
    lines = -(-len(measured) // _COLUMNS)
    figure, axes = plt.subplots(
        lines, _COLUMNS, figsize=(5.2 * _COLUMNS, 2.4 * lines), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(measured) :]:
        axis.set_visible(False)
    for axis, row in zip(axes.flat, measured, strict=False):
        _bars(axis, row)
    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("png", "svg"):
        figure.savefig(folder / f"bench.{kind}", dpi=110)
    plt.close(figure)


def _bars(axis: plt.Axes, row: Row) -> None:
    names = list(row.samples)
    spreads = [row.spread(name) for name in names]
    medians = [spread.median for spread in spreads]
    errors = [
        [spread.median - spread.lowest for spread in spreads],
        [spread.highest - spread.median for spread in spreads],
    ]
    colours = [_OURS_COLOUR if name == OURS else _OTHER_COLOUR for name in names]
    bars = axis.barh(names, medians, xerr=errors, color=colours, ecolor="#57606a", capsize=2)
    axis.bar_label(bars, [f" {number(median)}" for median in medians], fontsize=8)
    axis.invert_yaxis()
    axis.margins(x=0.2)
    axis.set_title(textwrap.fill(row.title, 52), fontsize=9, loc="left")
    axis.set_xlabel(row.unit + (f"   target: {row.target}" if row.target else ""), fontsize=8)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
