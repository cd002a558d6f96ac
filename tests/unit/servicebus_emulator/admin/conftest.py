"""The real admin client, over no wire."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from azure.servicebus.management import ServiceBusAdministrationClient

from servicebus_emulator.broker.namespace import Namespace
from tests.unit.servicebus_emulator.admin.sdk_client import NOW, Wire


@pytest.fixture
def namespace() -> Namespace:
    return Namespace(uuid4, name="ns", now=NOW)


@pytest.fixture
def client(namespace: Namespace) -> Iterator[ServiceBusAdministrationClient]:
    with ServiceBusAdministrationClient.from_connection_string(
        "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=azE=;"
        "UseDevelopmentEmulator=true;",
        transport=Wire(namespace),
    ) as client:
        yield client
