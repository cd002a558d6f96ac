"""What every measurement is given: a running stack, the contenders, and how long to take."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.machine import Noise
from benchmarks.observer import QueueObserver
from benchmarks.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.brokers import Broker, Brokers
    from benchmarks.figures import Row
    from harness.embedded import EmbeddedStack

_numbers = itertools.count(1)


@dataclass(slots=True)
class Bench:
    """A run.

    Attributes:
        stack: The emulator and Azurite, as processes.
        brokers: The contenders that are there.
        folder: For files that nobody keeps.
        say: Tells the person who waits what is going on.
        quick: Whether figures only have to be there, not to be good.
    """

    stack: EmbeddedStack
    brokers: Brokers
    folder: Path
    say: Callable[[str], None]
    quick: bool = False
    noise: Noise = field(default_factory=Noise)

    def choose(self, whole: int, quick: int) -> int:
        """The number for the kind of run that this is."""
        return quick if self.quick else whole

    def rounds(self, whole: int = 3) -> Iterator[int]:
        """Number the rounds; the noise of the machine is sampled before each."""
        for number in range(1 if self.quick else whole):
            self.noise.sample()
            yield number

    def queue(self) -> QueueObserver:
        """A new queue on the emulator."""
        return QueueObserver(self.stack.endpoints, f"bench-{next(_numbers)}")

    def stopwatch(self, count: int) -> Stopwatch:
        """Slots in a new file."""
        return Stopwatch(self.folder / f"slots-{next(_numbers)}", count)

    def settings(self, queue: str) -> dict[str, str]:
        """The product's settings, for a queue of this stack."""
        return self.stack.endpoints.settings(queue, "bench")

    def leave_out(self, rows: Iterable[Row], *names: str) -> None:
        """Say in each row why a contender is missing."""
        for row in rows:
            row.left_out.update(
                {name: why for name, why in self.brokers.left_out.items() if name in names}
            )


def in_turn(contenders: Sequence[Broker], number: int) -> list[Broker]:
    """The contenders of a round: each round begins with another one."""
    start = number % len(contenders)
    return [*contenders[start:], *contenders[:start]]


def pause(seconds: float) -> None:
    """Let the system become idle, which is the state to be measured."""
    threading.Event().wait(seconds)
