from itertools import count
from uuid import UUID

import pytest

from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from tests.unit.servicebus_emulator.broker.queues import make_queue


@pytest.fixture
def namespace() -> Namespace:
    """A namespace whose lock tokens count up from one."""
    numbers = count(1)
    return Namespace(lambda: UUID(int=next(numbers)))


@pytest.fixture
def queue(namespace: Namespace) -> Queue:
    return make_queue(namespace)
