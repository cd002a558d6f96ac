from __future__ import annotations

import pytest

from servicebus_emulator.amqp.serial import serial_distance


@pytest.mark.parametrize(
    ("start", "end", "distance"),
    [(0, 0, 0), (1, 5, 4), (5, 1, -4), (0xFFFFFFFF, 1, 2), (1, 0xFFFFFFFF, -2)],
)
def test_distance_goes_around_the_end_of_the_numbers(start: int, end: int, distance: int) -> None:
    assert serial_distance(start, end) == distance
