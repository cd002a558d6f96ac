import pytest

from tests.unit.servicebus_emulator.amqp.link_peers import Peers


@pytest.fixture
def peers() -> Peers:
    return Peers()
