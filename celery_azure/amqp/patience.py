"""How long to wait before something is tried again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery_azure.amqp.frames import AmqpError

SERVER_BUSY = "com.microsoft:server-busy"
LONGEST_DELAY = 5.0
_FIRST_DELAY = 0.1
BUSY_SECONDS = 10.0
"""How long a busy namespace is left alone when it does not say how long it wants that."""

_WAIT = re.compile(r"wait (\d+) seconds?", re.IGNORECASE)


def busy_seconds(error: AmqpError) -> float:
    """How long a busy namespace asks to be left alone."""
    wait = _WAIT.search(error.description)
    return float(wait[1]) if wait else BUSY_SECONDS


def delay_seconds(failures: int, chance: float) -> float:
    """Nothing after the first failure, then twice as long each time, with some chance in it."""
    if failures == 0:
        return 0.0
    longest = min(LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(failures, 10))
    return longest * (0.5 + 0.5 * chance)


def wait_seconds(error: AmqpError, failures: int, chance: float) -> float:
    """How long to wait after an error: as long as it says, or longer with each failure."""
    if error.condition == SERVER_BUSY:
        return busy_seconds(error)
    return delay_seconds(failures, chance)
