"""The figures that a measurement gives: samples by contender, medians, spread and paired ratios.

Contenders are measured in turn within a round, so the ratio of a round is not touched by noise
that lasts longer than the round. A row shows the median of these ratios, never a lone absolute.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

OURS = "ours"


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the `percent`-th percentile (1 to 99) of one or more samples."""
    if len(samples) == 1:
        return samples[0]
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some samples, and how far they lie apart."""

    median: float
    lowest: float
    highest: float
    count: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """Sum up one or more samples."""
        return cls(statistics.median(samples), min(samples), max(samples), len(samples))


@dataclass(slots=True)
class Row:
    """One line of the table: something measured, for one or more contenders.

    Attributes:
        title: What is measured.
        unit: Of the samples, such as `msg/s`.
        reference: The contender that ratios are against; the one named first when it is missing.
        target: What is aimed at, in words; empty for a figure that has no target.
        samples: One sample a round, in the order of the rounds, by contender.
        left_out: Why a contender was not measured.
        note: What a reader must know.
    """

    title: str
    unit: str
    reference: str
    target: str = ""
    samples: dict[str, list[float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def add(self, contender: str, sample: float) -> None:
        """Take the sample of a round."""
        self.samples.setdefault(contender, []).append(sample)

    def spread(self, contender: str) -> Spread:
        """Sum up a contender's samples."""
        return Spread.of(self.samples[contender])

    def ratio(self, contender: str) -> Spread | None:
        """How many times the reference a contender has, round by round.

        Returns:
            None for the reference itself, and where it was not measured or measured zero.
        """
        base = self.samples.get(self.reference)
        if base is None or contender == self.reference:
            return None
        ratios = [
            mine / theirs
            for mine, theirs in zip(self.samples[contender], base, strict=False)
            if theirs
        ]
        return Spread.of(ratios) if ratios else None

    def as_json(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        contenders = {}
        for contender, samples in self.samples.items():
            ratio = self.ratio(contender)
            contenders[contender] = {
                "median": self.spread(contender).median,
                "samples": samples,
                "ratio": None if ratio is None else ratio.median,
                "ratio_range": None if ratio is None else [ratio.lowest, ratio.highest],
            }
        return {
            "title": self.title,
            "unit": self.unit,
            "reference": self.reference,
            "target": self.target,
            "contenders": contenders,
            "left_out": self.left_out,
            "note": self.note,
        }


def number(value: float) -> str:
    """Write a figure with three digits that matter."""
    if value >= 1000:  # noqa: PLR2004 - four digits and more need no fraction
        return f"{value:,.0f}"
    return f"{value:.3g}"
