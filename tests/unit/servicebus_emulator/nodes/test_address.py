import pytest

from servicebus_emulator.nodes.address import entity_path, is_at_or_below, management_of


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("amqps://127.0.0.1:5672/orders", "orders"),
        ("sb://localhost:5672/orders/", "orders"),
        ("orders", "orders"),
        ("/orders", "orders"),
        ("https://localhost:5672", ""),
        ("sb://localhost/", ""),
        ("sb://localhost/with%20space", "with space"),
        ("amqps://h:1/a/b/$DeadLetterQueue", "a/b/$DeadLetterQueue"),
        ("https://h/orders?api-version=2021-05", "orders"),
        ("$cbs", "$cbs"),
    ],
)
def test_only_the_path_of_an_address_matters(address: str, path: str) -> None:
    assert entity_path(address) == path


@pytest.mark.parametrize(
    ("path", "entity"),
    [
        ("orders/$management", "orders"),
        ("orders/$DeadLetterQueue/$Management", "orders/$DeadLetterQueue"),
        ("orders", None),
        ("$management", None),
        ("$cbs", None),
    ],
)
def test_a_management_node_belongs_to_the_entity_before_it(path: str, entity: str | None) -> None:
    assert management_of(path) == entity


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("orders", "orders", True),
        ("Orders/$management", "orders", True),
        ("orders-2", "orders", False),
        ("orders", "", True),
        ("", "orders", False),
    ],
)
def test_a_root_holds_whole_segments_only(path: str, root: str, *, expected: bool) -> None:
    assert is_at_or_below(path, root) is expected
