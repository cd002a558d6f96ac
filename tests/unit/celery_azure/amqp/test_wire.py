from __future__ import annotations

import selectors
from typing import TYPE_CHECKING, Any

import pytest

from celery_azure.amqp.wire import Wire
from tests.unit.celery_azure.amqp.interruptions import handler_that_raises

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def wire() -> Iterator[Wire]:
    with selectors.SelectSelector() as selector:
        yield Wire(selector, None)


class Interrupted:
    """Plays a socket, in the middle of whose work a signal comes."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt

    def send(self, data: memoryview) -> int:
        self._interrupt()
        return len(data)

    def recv(self, size: int) -> bytes:
        self._interrupt()
        return bytes(size)


@pytest.mark.parametrize(
    "use", [lambda wire: wire.send(b"data"), lambda wire: wire.receive(lambda _: None)]
)
def test_a_time_out_of_the_caller_s_is_no_loss_of_the_connection(
    wire: Wire, use: Callable[[Wire], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with handler_that_raises(TimeoutError("of the caller's")) as interrupt:
        monkeypatch.setattr(wire, "_socket", Interrupted(interrupt))
        with pytest.raises(TimeoutError, match="of the caller's"):
            use(wire)
