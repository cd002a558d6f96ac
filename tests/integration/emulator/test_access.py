"""Who may do what, by the policies of the namespace and of its entities, over AMQP and HTTP."""

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus, urlencode

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import (
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
)
from azure.servicebus.management import (
    AccessRights,
    AuthorizationRule,
    ServiceBusAdministrationClient,
)

from servicebus_emulator import ThreadedEmulator
from servicebus_emulator.nodes.sas import sign

LATER = datetime(2100, 1, 1, tzinfo=UTC)
SENDER = AuthorizationRule(
    key_name="sender", rights=[AccessRights.SEND], primary_key="a2V5MQ==", secondary_key="a2V5Mg=="
)
MANAGER = AuthorizationRule(
    key_name="manager",
    rights=[AccessRights.MANAGE, AccessRights.SEND, AccessRights.LISTEN],
    primary_key="a2V5Mw==",
)


@pytest.fixture(scope="module", autouse=True)
def orders(emulator: ThreadedEmulator, admin: ServiceBusAdministrationClient) -> None:
    emulator.create_queue("invoices")
    admin.create_queue("orders", authorization_rules=[SENDER, MANAGER])


def connection_string(emulator: ThreadedEmulator, name: str, key: str) -> str:
    return (
        f"Endpoint=sb://127.0.0.1:{emulator.port};SharedAccessKeyName={name};"
        f"SharedAccessKey={key};UseDevelopmentEmulator=true;"
    )


@pytest.fixture(scope="module")
def sender(emulator: ThreadedEmulator) -> Iterator[ServiceBusClient]:
    with ServiceBusClient.from_connection_string(
        connection_string(emulator, "sender", "a2V5Mg=="), retry_total=0
    ) as client:
        yield client


def test_an_entitys_policy_allows_what_it_says_and_no_more(sender: ServiceBusClient) -> None:
    with sender.get_queue_sender("orders") as link:
        link.send_messages(ServiceBusMessage("allowed"))
        assert link.schedule_messages(ServiceBusMessage("later"), LATER)
    with pytest.raises(ServiceBusAuthorizationError):
        sender.get_queue_receiver("orders").__enter__()


def test_an_entitys_policy_opens_no_other_entity(sender: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusAuthenticationError):
        sender.get_queue_sender("invoices").__enter__()


def status(emulator: ThreadedEmulator, method: str, path: str, key: AuthorizationRule) -> int:
    resource, expiry = quote_plus("https://127.0.0.1/orders"), "99999999999"
    signature = sign(resource, expiry, str(key.primary_key)).decode()
    fields = {"sr": "https://127.0.0.1/orders", "sig": signature, "se": expiry}
    token = f"SharedAccessSignature {urlencode(fields | {'skn': str(key.key_name)})}"
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port)
    try:
        connection.request(method, path, headers={"Authorization": token})
        return connection.getresponse().status
    finally:
        connection.close()


def test_over_http_an_entitys_policy_manages_the_entity_if_it_says_so(
    emulator: ThreadedEmulator,
) -> None:
    assert status(emulator, "GET", "/orders", MANAGER) == 200
    assert status(emulator, "GET", "/orders", SENDER) == 401
    assert status(emulator, "GET", "/invoices", MANAGER) == 401
    assert status(emulator, "GET", "/$Resources/queues", MANAGER) == 401


def test_whose_key_is_wrong_or_may_not_manage_administers_nothing(
    emulator: ThreadedEmulator, certificate: Path
) -> None:
    for name, key in (("RootManageSharedAccessKey", "d3Jvbmc="), ("manager", "a2V5Mw==")):
        with (
            ServiceBusAdministrationClient.from_connection_string(
                connection_string(emulator, name, key), connection_verify=str(certificate)
            ) as client,
            pytest.raises(ClientAuthenticationError, match="InvalidSignature"),
        ):
            client.get_queue("orders")
