"""The only reader of time in the emulator.

Everything below the server receives `now` as an argument (float seconds since the epoch, UTC) and
answers with its next deadline. A clock tells `now` and how long to really wait for a deadline; the
adjustable ones also say when somebody has moved them, so that whatever became due happens at once.
"""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """What the server needs to know about time."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""

    def seconds_until(self, deadline: float) -> float | None:
        """Real seconds to wait for `deadline`, 0 when it has passed.

        None says that waiting does not help: only moving the clock leads there.
        """

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each jump, in the thread that moved the clock.

        Returns a function that ends it.
        """


class SystemClock:
    """The computer's own clock; nobody can move it."""

    now = staticmethod(time.time)  # noqa: TID251 (this module is the clock)
    """Seconds since the epoch, UTC."""

    def seconds_until(self, deadline: float) -> float | None:
        """Real seconds to wait for `deadline`, 0 when it has passed."""
        return max(0.0, deadline - self.now())

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Accept a listener that never has a reason to be called."""
        del listener
        return _nothing_to_end


@runtime_checkable
class MovableClock(Clock, Protocol):
    """A clock that can be moved."""

    def advance(self, seconds: float) -> None:
        """Move the clock forward; safe from any thread."""


class _AdjustableClock(ABC):
    """Listeners and thread-safe moving, common to the clocks that can be moved."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each jump, in the thread that moved the clock."""
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return end

    def advance(self, seconds: float) -> None:
        """Move the clock forward; safe from any thread.

        Raises:
            ValueError: `seconds` is negative; time does not run backwards.
        """
        if not 0 <= seconds < math.inf:
            raise ValueError(f"a clock moves forward only, not by {seconds} s")
        self._change(lambda: self._move(seconds))

    def _change(self, change: Callable[[], None]) -> None:
        with self._lock:
            change()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    @abstractmethod
    def _move(self, seconds: float) -> None:
        """Change the time; with the lock held."""


class OffsetClock(_AdjustableClock):
    """The system time plus an offset that grows with `advance`; it can be frozen and let go.

    The clock for tests with real clients, which compare lock times with their own clock: time runs
    as they expect, and an hour can still be skipped. While it is frozen it moves by `advance` only.
    """

    def __init__(self, system: Clock | None = None) -> None:
        super().__init__()
        self._system = system or SystemClock()
        self._offset = 0.0
        self._frozen_at: float | None = None

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._frozen_at is not None

    def now(self) -> float:
        """Seconds since the epoch, UTC, plus everything that was advanced."""
        frozen_at = self._frozen_at
        return self._system.now() + self._offset if frozen_at is None else frozen_at

    def seconds_until(self, deadline: float) -> float | None:
        """Real seconds to wait for `deadline`, 0 when it has passed; None while it is frozen."""
        frozen_at = self._frozen_at
        if frozen_at is not None:
            return 0.0 if deadline <= frozen_at else None
        return self._system.seconds_until(deadline - self._offset)

    def freeze(self) -> None:
        """Stand still; harmless twice."""
        self._change(self._freeze)

    def unfreeze(self) -> None:
        """Run on from where it stands; harmless when it runs."""
        self._change(self._unfreeze)

    def reset(self) -> None:
        """Run by the system's time again, whatever was done to the clock."""
        self._change(self._reset)

    def _reset(self) -> None:
        self._offset = 0.0
        self._frozen_at = None

    def _freeze(self) -> None:
        self._frozen_at = self.now()

    def _unfreeze(self) -> None:
        if self._frozen_at is not None:
            self._offset = self._frozen_at - self._system.now()
            self._frozen_at = None

    def _move(self, seconds: float) -> None:
        if self._frozen_at is None:
            self._offset += seconds
        else:
            self._frozen_at += seconds


class ManualClock(_AdjustableClock):
    """A clock that stands still until it is advanced.

    Args:
        start: Where it stands at first, seconds since the epoch; now when left out.
    """

    def __init__(self, start: float | None = None) -> None:
        super().__init__()
        self._now = SystemClock().now() if start is None else start

    def now(self) -> float:
        """Seconds since the epoch, UTC: the start plus everything that was advanced."""
        return self._now

    def seconds_until(self, deadline: float) -> float | None:
        """0 when `deadline` has passed, None otherwise: waiting alone never gets there."""
        return 0.0 if deadline <= self._now else None

    def _move(self, seconds: float) -> None:
        self._now += seconds


def _nothing_to_end() -> None:
    """The system clock keeps no listeners."""
