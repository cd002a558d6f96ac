import pytest

from servicebus_emulator.amqp.credit import Credit
from servicebus_emulator.amqp.errors import LinkError
from servicebus_emulator.amqp.performatives import Flow


def flow(
    delivery_count: int | None, link_credit: int | None = None, *, drain: bool = False
) -> Flow:
    return Flow(0, 100, 0, 100, 0, delivery_count, link_credit, drain=drain)


def test_credit_counts_from_where_the_receiver_stands() -> None:
    credit = Credit()
    credit.delivery_count = 0xFFFFFFFF  # one more, and it begins anew

    credit.take_receivers(flow(0xFFFFFFFE, 5))
    assert credit.left == 4

    credit.spend()
    assert (credit.left, credit.delivery_count) == (3, 0)


def test_a_receiver_that_stands_behind_gives_no_credit_below_nothing() -> None:
    credit = Credit()
    credit.delivery_count = 10

    credit.take_receivers(flow(None, 5))

    assert credit.left == 0


def test_a_receiver_must_say_its_credit() -> None:
    with pytest.raises(LinkError, match="link-credit"):
        Credit().take_receivers(flow(0))


def test_what_is_left_is_used_up_in_one_step() -> None:
    credit = Credit()
    credit.take_receivers(flow(0, 7, drain=True))

    credit.use_up()

    assert (credit.left, credit.delivery_count, credit.drain) == (0, 7, True)


def test_a_sender_passes_what_it_will_not_send() -> None:
    credit = Credit()
    credit.left, credit.drain = 5, True

    credit.take_senders(flow(3))
    assert (credit.left, credit.delivery_count, credit.drain) == (2, 3, True)

    credit.take_senders(flow(None, drain=True))
    assert (credit.left, credit.delivery_count, credit.drain) == (2, 3, False)
