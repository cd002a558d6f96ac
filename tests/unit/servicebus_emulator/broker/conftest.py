from itertools import count
from uuid import UUID

import pytest

from servicebus_emulator.broker.namespace import Namespace


@pytest.fixture
def namespace() -> Namespace:
    """A namespace whose lock tokens count up from one."""
    numbers = count(1)
    return Namespace(lambda: UUID(int=next(numbers)))
