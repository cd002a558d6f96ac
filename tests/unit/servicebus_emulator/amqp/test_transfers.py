from __future__ import annotations

import pytest

from servicebus_emulator.amqp.fast_paths import encode_transfer
from servicebus_emulator.amqp.framing import encode_frame
from servicebus_emulator.amqp.outlet import Outlet
from servicebus_emulator.amqp.performatives import Transfer
from servicebus_emulator.amqp.schemas import decode_performative
from servicebus_emulator.amqp.transfers import TransferQueue, split_delivery

ROOM = 504
FIRST = encode_transfer(1, 2, b"tag", 0, False)


@pytest.mark.parametrize("size", [0, 1, 460, 468, 469, 470, 504, 945, 10_000])
def test_frames_fit_and_join_to_the_delivery(size: int) -> None:
    payload = bytes(number & 0xFF for number in range(size))
    frames = list(split_delivery(1, FIRST, payload, ROOM, False))
    assert b"".join(part for _, part in frames) == payload
    assert all(len(body) + len(part) <= ROOM for body, part in frames)
    transfers = [decode_performative(body, 0, len(body))[0] for body, _ in frames]
    more = [transfer.more for transfer in transfers if isinstance(transfer, Transfer)]
    assert more == [True] * (len(frames) - 1) + [False]


def test_no_frame_is_empty_unless_the_delivery_is() -> None:
    room_of_first = ROOM - len(FIRST)
    assert len(list(split_delivery(1, FIRST, bytes(room_of_first), ROOM, False))) == 1
    assert len(list(split_delivery(1, FIRST, bytes(room_of_first + 1), ROOM, False))) == 2


def queue(window: int) -> tuple[TransferQueue[str], Outlet]:
    outlet = Outlet()
    transfers: TransferQueue[str] = TransferQueue(4, outlet)
    transfers.window = window
    return transfers, outlet


def test_frames_beyond_the_window_wait() -> None:
    transfers, outlet = queue(1)
    transfers.put("link", b"1", b"")
    transfers.put("link", b"2", b"")
    assert outlet.take() == encode_frame(b"1", 4)
    assert (transfers.window, transfers.next_id) == (0, 1)


def test_an_opened_window_lets_waiting_frames_out_in_order() -> None:
    transfers, outlet = queue(0)
    for name in (b"1", b"2", b"3"):
        transfers.put("link", name, b"")
    transfers.open_window(0, 2)
    assert outlet.take() == encode_frame(b"1", 4) + encode_frame(b"2", 4)
    assert transfers.window == 0
    transfers.open_window(2, 5)
    assert outlet.take() == encode_frame(b"3", 4)
    assert (transfers.window, transfers.next_id) == (4, 3)


def test_frames_on_their_way_count_against_the_window() -> None:
    transfers, _ = queue(10)
    for _ in range(3):
        transfers.put("link", b"", b"")
    transfers.open_window(1, 10)
    assert transfers.window == 8
    transfers.open_window(0, 2)
    assert transfers.window == 0


def test_waiting_frames_of_a_link_can_be_dropped() -> None:
    transfers, outlet = queue(0)
    transfers.put("gone", b"1", b"")
    transfers.put("stays", b"2", b"")
    transfers.forget("gone")
    transfers.open_window(0, 9)
    assert outlet.take() == encode_frame(b"2", 4)


def test_all_waiting_frames_can_be_dropped() -> None:
    transfers, outlet = queue(0)
    transfers.put("gone", b"1", b"")
    transfers.clear()
    transfers.open_window(0, 9)
    assert outlet.take() == b""
