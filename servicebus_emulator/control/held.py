"""Events that are put off: each link's stay in their order, whatever the delays drawn for them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from servicebus_emulator.broker.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from servicebus_emulator.nodes.peer import Peer


class _Entry(NamedTuple):
    peer: Peer
    due: float
    proceed: Callable[[float], None]


class Held:
    """Lines of events, one for each link (or whatever else keeps its order)."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[_Entry]] = {}
        self._timers: Timers[Hashable] = Timers()

    def __len__(self) -> int:
        return len(self._lines)

    def has_line(self, key: Hashable) -> bool:
        """Whether anything is put off there, so that whatever follows has to wait, too."""
        return key in self._lines

    def hold(self, key: Hashable, peer: Peer, due: float, proceed: Callable[[float], None]) -> None:
        """Call `proceed(now)` at `due`, but not before those that are in line already."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = deque()
            self._timers.set(key, due)
        line.append(_Entry(peer, due, proceed))

    def forget(self, peer: Peer) -> None:
        """A client is gone: what was to come does not."""
        for key in [key for key, line in self._lines.items() if line[0].peer is peer]:
            del self._lines[key]
            self._timers.cancel(key)

    def next_deadline(self) -> float | None:
        """When the first of all is due."""
        return self._timers.next()

    def expire(self, now: float) -> set[Peer]:
        """Let everything that is due happen; the clients that it concerned."""
        touched: set[Peer] = set()
        while (key := self._timers.pop_due(now)) is not None:
            line = self._lines[key]
            while line and line[0].due <= now:
                entry = line.popleft()
                touched.add(entry.peer)
                entry.proceed(now)
            if line:
                self._timers.set(key, line[0].due)
            else:
                del self._lines[key]
        return touched
