from __future__ import annotations

from servicebus_emulator.amqp.fast_paths import accepted_frame
from servicebus_emulator.amqp.framing import encode_frame
from servicebus_emulator.amqp.outlet import Outlet


def test_frames_leave_in_order_and_once() -> None:
    outlet = Outlet()
    outlet.write_raw(b"header")
    outlet.write(3, b"body", b"payload")
    assert outlet.take() == b"header" + encode_frame(b"bodypayload", 3)
    assert outlet.take() == b""


def test_neighbours_are_accepted_in_one_frame() -> None:
    outlet = Outlet()
    for number in (5, 6, 7):
        outlet.accept(1, True, number)
    assert outlet.take() == accepted_frame(1, True, 5, 7)


def test_only_neighbours_of_one_session_and_role_share_a_frame() -> None:
    outlet = Outlet()
    for channel, role, number in ((1, True, 5), (1, True, 7), (1, False, 8), (2, False, 9)):
        outlet.accept(channel, role, number)
    assert outlet.take() == b"".join(
        (
            accepted_frame(1, True, 5, 5),
            accepted_frame(1, True, 7, 7),
            accepted_frame(1, False, 8, 8),
            accepted_frame(2, False, 9, 9),
        )
    )


def test_what_is_written_after_an_acceptance_leaves_after_it() -> None:
    outlet = Outlet()
    outlet.accept(1, True, 5)
    outlet.write(1, b"body")
    outlet.accept(1, True, 6)
    outlet.write_raw(b"raw")
    assert outlet.take() == (
        accepted_frame(1, True, 5, 5)
        + encode_frame(b"body", 1)
        + accepted_frame(1, True, 6, 6)
        + b"raw"
    )
