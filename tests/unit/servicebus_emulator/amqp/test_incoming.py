from __future__ import annotations

from typing import Any

import pytest

from servicebus_emulator.amqp.errors import LinkError
from servicebus_emulator.amqp.incoming import IncomingDelivery
from servicebus_emulator.amqp.performatives import Transfer


def first(**fields: Any) -> Transfer:
    return Transfer(0, 7, b"tag", more=True, **fields)


def test_a_delivery_is_what_its_frames_have_brought() -> None:
    delivery = IncomingDelivery(first(), 0)
    for number, payload in ((7, b"one "), (None, b"and "), (7, b"two")):
        delivery.add(Transfer(0, number), payload)

    assert (delivery.payload(), delivery.size) == (b"one and two", 11)
    assert not delivery.settled


def test_any_frame_may_say_that_a_delivery_is_settled() -> None:
    delivery = IncomingDelivery(first(), 0)
    for settled in (None, True, False):
        delivery.add(Transfer(0, settled=settled), b"")

    assert delivery.settled


def test_of_a_delivery_above_the_limit_nothing_is_kept() -> None:
    delivery = IncomingDelivery(first(), 5)
    seen = []
    for frame, payload in ((first(), b"12345"), (Transfer(0), b"6"), (Transfer(0), b"7")):
        delivery.add(frame, payload)
        seen.append((delivery.oversized, delivery.size, delivery.parts[:]))

    assert seen == [(False, 5, [b"12345"]), (True, 6, []), (True, 7, [])]


@pytest.mark.parametrize("incomplete", [Transfer(0, 7), Transfer(0, None, b"tag")])
def test_a_delivery_begins_with_its_number_and_its_tag(incomplete: Transfer) -> None:
    with pytest.raises(LinkError, match="begins with"):
        IncomingDelivery(incomplete, 0)


def test_a_frame_of_another_delivery_is_a_fault() -> None:
    delivery = IncomingDelivery(first(), 0)
    with pytest.raises(LinkError, match="changed"):
        delivery.add(Transfer(0, 8), b"")
