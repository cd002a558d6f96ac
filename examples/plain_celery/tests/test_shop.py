import pytest


def test_an_order_is_added_up(shop) -> None:
    assert shop.total.delay([250, 399]).get(timeout=30) == 649


def test_an_error_of_a_task_reaches_the_caller(shop) -> None:
    with pytest.raises(ValueError, match="a price is negative"):
        shop.total.delay([-1]).get(timeout=30)


def test_many_orders_are_all_added_up(shop) -> None:
    results = [shop.total.delay([number, 1]) for number in range(20)]

    assert [result.get(timeout=30) for result in results] == [n + 1 for n in range(20)]
