"""What happened second by second: requests, failures, percentiles, users."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from benchmarks.figures import percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a run; latencies in milliseconds, None where nothing was answered."""

    second: int
    users: int
    requests: int
    failures: int
    p50: float | None
    p95: float | None
    p99: float | None

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class Series:
    """Takes every request of a run."""

    def __init__(self) -> None:
        self._times: dict[int, list[float]] = defaultdict(list)
        self._failures: dict[int, int] = defaultdict(int)
        self._users: dict[int, int] = {}
        self._all: dict[str, list[float]] = defaultdict(list)
        self._failed: dict[str, int] = defaultdict(int)

    def add(
        self, second: int, name: str, milliseconds: float, *, users: int, failed: bool, whole: bool
    ) -> None:
        """Take a request.

        Args:
            second: In which second of the run it ended.
            name: What was requested.
            milliseconds: How long it took.
            users: How many users there are.
            failed: Whether it failed.
            whole: Whether it is one request, and not the sum of several that are told as well.
        """
        if whole:
            self._times[second].append(milliseconds)
            self._failures[second] += failed
            self._users[second] = users
        self._all[name].append(milliseconds)
        self._failed[name] += failed

    def seconds(self, end: float = math.inf) -> list[Second]:
        """Every whole second from the first request to the last, the empty ones too.

        Args:
            end: When the run ended; a second that was not over by then would look like a fall.
        """
        if not self._times:
            return []
        users = 0
        seconds = []
        for number in range(min(self._times), max(self._times) + 1):
            if number + 1 > end:
                break
            times = self._times.get(number, [])
            users = self._users.get(number, users)
            seconds.append(
                Second(
                    number, users, len(times), self._failures.get(number, 0), *_percentiles(times)
                )
            )
        return seconds

    def summary(self, seconds: float) -> dict[str, dict[str, Any]]:
        """What each kind of request came to.

        Returns:
            By name: `requests`, `failures`, `rate` (a second) and `p50`, `p95`, `p99`.
        """
        summary: dict[str, dict[str, Any]] = {}
        for name, times in self._all.items():
            p50, p95, p99 = _percentiles(times)
            summary[name] = {
                "requests": len(times),
                "failures": self._failed[name],
                "rate": len(times) / seconds,
                "p50": p50,
                "p95": p95,
                "p99": p99,
            }
        return summary


def by_users(seconds: Iterable[Second], step_seconds: int) -> list[tuple[int, float, float]]:
    """What each step of a step load came to: users, requests a second, p95 in ms.

    The first second of a step is left out, in which users are still coming; of the others the
    median is taken.
    """
    steps: dict[int, list[Second]] = defaultdict(list)
    for second in seconds:
        if second.second % step_seconds:
            steps[second.second // step_seconds].append(second)
    found = []
    for _, members in sorted(steps.items()):
        answered = [member for member in members if member.p95 is not None]
        if answered:
            found.append(
                (
                    max(member.users for member in members),
                    percentile([float(member.requests) for member in members], 50),
                    percentile([member.p95 or 0.0 for member in answered], 50),
                )
            )
    return found


def knee(steps: Sequence[tuple[int, float, float]], gain: float = 0.1) -> int | None:
    """Beyond how many users more of them bring hardly more requests, but longer waits.

    Args:
        steps: Users, requests a second and latency, with rising users.
        gain: Of the growth in users, the part by which requests must grow to be worth it.

    Returns:
        The users of the last step that was worth it; None when all were.
    """
    for (users, rate, _), (more_users, more_rate, _) in pairwise(steps):
        if more_rate / rate - 1 < gain * (more_users / users - 1):
            return users
    return None


def _percentiles(times: list[float]) -> tuple[float | None, float | None, float | None]:
    if not times:
        return None, None, None
    return percentile(times, 50), percentile(times, 95), percentile(times, 99)
