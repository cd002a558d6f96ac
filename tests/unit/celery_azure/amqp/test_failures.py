from __future__ import annotations

import pytest

from celery_azure.amqp.failures import is_from_signal_handler
from tests.unit.celery_azure.amqp.interruptions import handler_that_raises


def test_what_a_signal_handler_raises_is_told_from_what_fails_by_itself() -> None:
    with handler_that_raises(TimeoutError()) as interrupt:
        with pytest.raises(TimeoutError) as by_handler:
            interrupt()
        with pytest.raises(ValueError, match="invalid literal") as by_itself:
            int("none")
        assert is_from_signal_handler(by_handler.value)
        assert not is_from_signal_handler(by_itself.value)
