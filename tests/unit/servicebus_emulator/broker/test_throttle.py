import pytest

from servicebus_emulator.broker.errors import ServerBusy
from servicebus_emulator.broker.throttle import Throttle


def test_an_operation_that_begins_in_time_may_take_more_than_is_left() -> None:
    throttle = Throttle(10)
    throttle.admit(9, 0.0)
    throttle.admit(9, 0.5)

    with pytest.raises(ServerBusy):
        throttle.admit(1, 0.9)


def test_each_second_begins_anew() -> None:
    throttle = Throttle(1)
    throttle.note(5, 0.0)
    throttle.admit(1, 1.0)

    with pytest.raises(ServerBusy):
        throttle.admit(1, 1.0)
