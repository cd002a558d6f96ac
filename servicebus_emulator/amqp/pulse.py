"""Signs of life for a peer that asks for them (AMQP 1.0 transport 2.4.5)."""

from __future__ import annotations

from typing import Final

from servicebus_emulator.amqp.framing import frame_header

EMPTY_FRAME: Final = frame_header(0)
_SHORTEST_BEAT: Final = 0.01  # seconds between empty frames, whatever the peer wants


class Pulse:
    """When the next empty frame is due; never, before the peer has asked for any.

    Attributes:
        deadline: seconds since the epoch, or None.
    """

    def __init__(self) -> None:
        self.deadline: float | None = None
        self._beat = 0.0

    def start(self, idle_time_out: int, now: float) -> None:
        """Beat twice in the time, milliseconds, after which the peer takes us for dead."""
        self._beat = max(_SHORTEST_BEAT, idle_time_out / 2000)
        self.deadline = now + self._beat

    def beats(self, now: float) -> bool:
        """Tell whether an empty frame is due; if so, the next one is after another beat."""
        if self.deadline is None or now < self.deadline:
            return False
        self.deadline = now + self._beat
        return True
