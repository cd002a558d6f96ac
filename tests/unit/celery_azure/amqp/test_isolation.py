from __future__ import annotations

import pytest

from celery_azure.amqp.isolation import call_each


def test_every_call_is_made_and_the_first_failure_is_raised() -> None:
    made: list[str] = []

    def fail(text: str) -> None:
        made.append(text)
        raise KeyError(text)

    with pytest.raises(KeyError, match="one"):
        call_each([lambda: fail("one"), lambda: made.append("two"), lambda: fail("three")])
    assert made == ["one", "two", "three"]


def test_nothing_is_raised_when_nothing_fails() -> None:
    call_each([])
