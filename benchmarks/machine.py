"""What the machine is, and how noisy it is while something is measured on it."""

from __future__ import annotations

import os
import platform
import time

from benchmarks.figures import Spread, number

_WORK = 200_000
_SAMPLES = 25


def spin() -> float:
    """Do a fixed amount of arithmetic; seconds that it took by the wall clock."""
    begin = time.perf_counter()
    total = 0
    for value in range(_WORK):
        total += value & 7
    return time.perf_counter() - begin


class Noise:
    """How much longer the same work takes at some times than at others.

    Sampled before, between and after the measurements. On a quiet machine the median stays within
    a few percent of the fastest; a neighbour that takes a core shows as a factor of two.
    """

    def __init__(self) -> None:
        self.samples: list[float] = []

    def sample(self) -> None:
        """Take some samples now."""
        self.samples += [spin() for _ in range(_SAMPLES)]

    def describe(self) -> str:
        """One line for the head of the table."""
        if not self.samples:
            return "noise: not sampled"
        spread = Spread.of(self.samples)
        median = (spread.median / spread.lowest - 1) * 100
        worst = spread.highest / spread.lowest
        return (
            f"noise: the same work took {number(median)} % longer in the median, and "
            f"{number(worst)} times as long at worst, than at best ({spread.count} samples)"
        )


def describe() -> str:
    """One line: processors, system, Python."""
    return (
        f"machine: {os.cpu_count()} processors ({platform.machine()}), {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def load() -> str:
    """One line: how many processes wanted a processor lately, where the system tells it."""
    if not hasattr(os, "getloadavg"):
        return "load: not known on this system"
    return f"load before the run: {os.getloadavg()[0]:.2f} over the last minute"
