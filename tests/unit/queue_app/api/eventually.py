"""Waiting for a condition on the event loop."""

import asyncio
from collections.abc import Callable

_TURNS = 5_000


async def eventually(condition: Callable[[], object]) -> None:
    """Give others their turn until the condition holds."""
    for _ in range(_TURNS):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("waited in vain")
