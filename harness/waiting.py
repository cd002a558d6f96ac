"""Waiting for a condition: the only place that sleeps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def wait_until(
    condition: Callable[[], Result | None],
    what: str,
    timeout: float = 60.0,
    interval: float = 0.02,
) -> Result:
    """Ask again and again until the condition gives something true; return that.

    Args:
        condition: Asked at least once, and once more when the time is over.
        what: What is waited for, for the error's text.
        timeout: Seconds.
        interval: Seconds between two questions.

    Raises:
        TimeoutError: The condition did not come true in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        is_last = time.monotonic() >= deadline
        result = condition()
        if result:
            return result
        if is_last:
            raise TimeoutError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(interval)  # noqa: TID251 - the one place
