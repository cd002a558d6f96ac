from dataclasses import replace
from typing import Any

import pytest

from servicebus_emulator.broker.entities import (
    EntityStatus,
    QueueCounts,
    QueueDescription,
    check_name,
)
from servicebus_emulator.broker.errors import (
    ArgumentError,
    ArgumentOutOfRange,
)


@pytest.mark.parametrize("name", ["a", "orders", "Orders.v2", "a/b/c", "x-1_", "q" * 260])
def test_a_legal_name_is_taken(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "-a", "a b", "ä", "q" * 261, "a\n"])
def test_an_illegal_name_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match="no valid entity name"):
        check_name(name)


@pytest.mark.parametrize(
    "change",
    [
        {"lock_duration": 0.0},
        {"lock_duration": 300.1},
        {"default_message_time_to_live": 0.0},
        {"max_delivery_count": 0},
        {"max_delivery_count": 2001},
        {"max_size_in_megabytes": 0},
        {"max_message_size_in_kilobytes": 102_401},
    ],
)
def test_a_value_beyond_the_limits_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ArgumentOutOfRange, match="must be greater than"):
        replace(QueueDescription(), **change).validate()


@pytest.mark.parametrize(
    ("status", "can_send", "can_receive"),
    [
        (EntityStatus.ACTIVE, True, True),
        (EntityStatus.DISABLED, False, False),
        (EntityStatus.SEND_DISABLED, False, True),
        (EntityStatus.RECEIVE_DISABLED, True, False),
    ],
)
def test_a_status_says_what_may_be_done(
    status: EntityStatus, can_send: bool, can_receive: bool
) -> None:
    assert (status.can_send, status.can_receive) == (can_send, can_receive)


def test_the_total_counts_dead_letters_too() -> None:
    counts = QueueCounts(active=1, deferred=2, scheduled=4, dead_letter=8, size_in_bytes=0)

    assert counts.total == 15


@pytest.mark.parametrize("change", [{"auto_delete_on_idle": 299.0}, {"user_metadata": "x" * 1025}])
def test_a_short_idleness_and_a_long_text_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ArgumentOutOfRange):
        replace(QueueDescription(), **change).validate()
