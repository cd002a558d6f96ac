"""Time that passes only when nothing is left to do: a loop waits for no timer, and none is late."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class VirtualTime:
    """The time of the running loop, which skips to the next timer instead of waiting for it.

    What is to run in a thread runs in the loop's: time would not wait for a thread.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop: Any = asyncio.get_running_loop()
        self._now: float = loop.time()
        self._selector = loop._selector
        monkeypatch.setattr(loop, "_selector", self)
        monkeypatch.setattr(loop, "time", self.now)
        monkeypatch.setattr(loop, "run_in_executor", self._run)

    def now(self) -> float:
        """Seconds, beginning with the time at which it was made."""
        return self._now

    def select(self, timeout: float | None) -> Any:
        """Do what the loop's selector does; instead of waiting, skip the time."""
        if timeout is None:  # only something from outside can go on
            return self._selector.select(None)
        found = self._selector.select(0)
        if not found:
            self._now += timeout
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)

    @staticmethod
    def _run(_: object, function: Callable[..., Any], *arguments: Any) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - whoever awaits it gets it
            future.set_exception(error)
        return future
