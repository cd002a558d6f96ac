"""What is put under load, how, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadtests.thresholds import Figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadtests.series import Second

_SATURATED = 0.9


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go.

    Attributes:
        name: What the summary calls it.
        url: Without a path.
        pid: Of the server, where it is ours to look at.
    """

    name: str
    url: str
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of load.

    Attributes:
        name: As in `thresholds.toml`.
        user: The class in the locustfile.
        figure: The request whose rate and latency count; None for all of them together.
    """

    name: str
    user: str
    figure: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to.

    Attributes:
        seconds: Second by second.
        summary: By request: `requests`, `failures`, `rate`, `p50`, `p95`, `p99`.
        generator: Part of one processor that Locust used.
        server: Part of one processor that the server used; None when it is not ours.
    """

    scenario: Scenario
    target: Target
    seconds: list[Second]
    summary: Mapping[str, Mapping[str, Any]]
    generator: float
    server: float | None

    @property
    def figures(self) -> Figures:
        """What counts."""
        rows = [row for name, row in self.summary.items() if self.scenario.figure in (None, name)]
        return Figures(
            sum(row["requests"] for row in rows),
            sum(row["failures"] for row in self.summary.values()),
            sum(row["rate"] for row in rows),
            max((row["p95"] for row in rows if row["p95"] is not None), default=0.0),
        )

    @property
    def is_generator_the_limit(self) -> bool:
        """Whether Locust had no processor left, so that the figure is its own."""
        return self.generator >= _SATURATED
