"""What a load test must reach: ratios to the floor that the same run has measured.

The floor is the same FastAPI app without broker and storage. Absolute times say more about the
machine than about the product, so there are none.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Threshold:
    """What one scenario must reach.

    Attributes:
        min_rate: Requests a second, as a part of the floor's.
        max_p95: 95th percentile of the latency, as a multiple of the floor's.
        max_failures: Part of all requests that may fail.
    """

    min_rate: float | None = None
    max_p95: float | None = None
    max_failures: float = 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a scenario came to: requests, failures, requests a second, p95 in milliseconds."""

    requests: int
    failures: int
    rate: float
    p95: float


def read(path: Path) -> dict[str, Threshold]:
    """Read a TOML file with a table for each scenario.

    Raises:
        ValueError: A table has an unknown key, or a value that is no number from 0 on.
    """
    with path.open("rb") as file:
        return {name: _threshold(name, table) for name, table in tomllib.load(file).items()}


def missed(
    name: str, threshold: Threshold, ours: Figures, floor: Figures | None = None
) -> list[str]:
    """Say what was missed, a sentence each; nothing when all was reached.

    Args:
        name: Of the scenario.
        threshold: What it must reach.
        ours: What it has reached.
        floor: What the floor has; None when there is none to compare with, as for a URL of the
            user's, whose failures alone are judged.
    """
    if not ours.requests:
        return [f"{name}: no request was answered"]
    said = []
    share = ours.failures / ours.requests
    if share > threshold.max_failures:
        said.append(f"{name}: {share:.2%} of the requests failed, {threshold.max_failures:.2%} may")
    if floor is None:
        return said
    rate = ours.rate / floor.rate if floor.rate else 0.0
    if threshold.min_rate is not None and rate < threshold.min_rate:
        said.append(
            f"{name}: {rate:.3g} × the floor's requests a second, "
            f"at least {threshold.min_rate:g} are wanted"
        )
    late = ours.p95 / floor.p95 if floor.p95 else 0.0
    if threshold.max_p95 is not None and late > threshold.max_p95:
        said.append(
            f"{name}: p95 is {late:.3g} × the floor's, at most {threshold.max_p95:g} is allowed"
        )
    return said


def compared(name: str, ours: Figures, floor: Figures) -> str:
    """Say how a scenario compares with the floor of the same run."""
    rate = ours.rate / floor.rate if floor.rate else 0.0
    late = ours.p95 / floor.p95 if floor.p95 else 0.0
    return f"{name}: {rate:.2f} × the floor's requests a second, {late:.1f} × its p95"


def _threshold(name: str, table: Mapping[str, Any]) -> Threshold:
    if not isinstance(table, dict):
        raise ValueError(f"[{name}] is not a table")  # noqa: TRY004 - the file is wrong, not the code
    for key, value in table.items():
        if key not in Threshold.__dataclass_fields__:
            raise ValueError(f"[{name}] has an unknown key: {key}")
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"[{name}] {key} is not a number from 0 on")
    return Threshold(**table)
