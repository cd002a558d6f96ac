from __future__ import annotations

from celery_azure.amqp.frames import AmqpError
from celery_azure.amqp.threaded import Fate


def test_a_fate_is_waited_for_until_it_is_told() -> None:
    fate, error = Fate(), AmqpError("amqp:not-found")
    assert not fate.wait(-1.0)
    fate.tell(error)
    assert fate.is_known
    assert fate.error is error
    assert fate.wait(60.0)
    assert fate.wait(60.0)
