"""The identities of messages that an entity has seen, for a while.

Source: https://learn.microsoft.com/azure/service-bus-messaging/duplicate-detection
"""

from __future__ import annotations

from collections import deque


class History:
    """Remembers each identity for a time from when it was first seen."""

    __slots__ = ("_seen", "_until")

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._seen: deque[tuple[float, str]] = deque()  # by the time at which they are forgotten

    def __len__(self) -> int:
        return len(self._until)

    def is_new(self, message_id: str, now: float, window: float) -> bool:
        """Whether an identity has not been seen lately; it has from now on.

        Args:
            message_id: The identity.
            now: Seconds since the epoch.
            window: Seconds for which it is remembered.
        """
        while self._seen and self._seen[0][0] <= now:
            until, forgotten = self._seen.popleft()
            if self._until.get(forgotten) == until:
                del self._until[forgotten]
        if self._until.get(message_id, now) > now:
            return False
        self.remember(message_id, now + window)
        return True

    def remember(self, message_id: str, until: float) -> None:
        """Take over an identity; those that are forgotten first have to come first."""
        self._until[message_id] = until
        self._seen.append((until, message_id))

    def forget_all(self) -> None:
        """Begin anew."""
        self._until.clear()
        self._seen.clear()
