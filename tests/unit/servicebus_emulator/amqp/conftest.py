import pytest

from tests.unit.servicebus_emulator.amqp.session_peers import Peers


@pytest.fixture
def peers() -> Peers:
    return Peers()
