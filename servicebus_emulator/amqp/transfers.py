"""Transfer frames on their way out: cut to size, held back by the peer's incoming window.

Source: AMQP 1.0 transport 2.5.6 (session flow control) and 2.6.14 (splitting).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from servicebus_emulator.amqp.fast_paths import encode_continuation, with_more
from servicebus_emulator.amqp.serial import SERIAL_MASK, serial_distance

if TYPE_CHECKING:
    from servicebus_emulator.amqp.outlet import Outlet

L = TypeVar("L")


def split_delivery(
    handle: int, first: bytes, payload: bytes, room: int, settled: bool
) -> list[tuple[bytes, bytes]]:
    """Cut a delivery into frames, each a body and its part of the payload.

    Args:
        handle: of the link.
        first: body of the first frame, as if it were the only one.
        payload: the encoded message.
        room: bytes that body and payload of a frame may have together.
        settled: as in the first frame.
    """
    end = room - len(first)
    if len(payload) <= end:
        return [(first, payload)]
    frames = [(with_more(first), payload[:end])]
    last = encode_continuation(handle, settled)
    more = with_more(last)
    step = room - len(last)
    for start in range(end, len(payload), step):
        is_last = start + step >= len(payload)
        frames.append((last if is_last else more, payload[start : start + step]))
    return frames


class TransferQueue(Generic[L]):
    """Transfers of one session, in order.

    Attributes:
        next_id: transfer-id of the next frame (next-outgoing-id).
        window: frames that can leave at once; 0 as long as others wait.
    """

    def __init__(self, channel: int, outlet: Outlet) -> None:
        self.next_id = 0
        self._channel = channel
        self._outlet = outlet
        self.window = 0
        self._waiting: deque[tuple[L, bytes, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, link: L, body: bytes, payload: bytes) -> None:
        """Send a frame, or keep it until the window opens."""
        if self.window <= 0:
            self._waiting.append((link, body, payload))
        else:
            self._write(body, payload)

    def _write(self, body: bytes, payload: bytes) -> None:
        self.window -= 1
        self.next_id = (self.next_id + 1) & SERIAL_MASK
        self._outlet.write(self._channel, body, payload)

    def open_window(self, seen: int, frames: int) -> None:
        """Take the peer's word: it expects frame `seen` next, and takes `frames` from there."""
        in_flight = max(0, serial_distance(seen, self.next_id))
        self.window = max(0, frames - in_flight)
        while self._waiting and self.window:
            _, body, payload = self._waiting.popleft()
            self._write(body, payload)

    def forget(self, link: L) -> None:
        """Drop the waiting frames of `link`."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] is not link)

    def clear(self) -> None:
        """Drop all waiting frames."""
        self._waiting.clear()
