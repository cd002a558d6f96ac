import pytest

from tests.unit.servicebus_emulator.control.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()
