"""The figures that a measurement prints: medians and spread, never a lone absolute."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the `percent`-th percentile (1 to 99) of two or more samples."""
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


def row(label: str, samples: Sequence[float], unit: str) -> str:
    """Format one line of a table: label, median, 95th percentile, minimum and maximum."""
    return (
        f"{label:<44} p50 {percentile(samples, 50):7.1f} {unit}"
        f"   p95 {percentile(samples, 95):7.1f} {unit}"
        f"   min {min(samples):7.1f}   max {max(samples):7.1f}   n={len(samples)}"
    )
