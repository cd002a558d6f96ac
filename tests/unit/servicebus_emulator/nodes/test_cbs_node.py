from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest

from servicebus_emulator.amqp.types import Int
from servicebus_emulator.nodes.sas import ROOT_KEY, sign
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body
from tests.unit.servicebus_emulator.nodes.requests import Asker

NAMESPACE = "sb://localhost/"
AUDIENCE = f"{NAMESPACE}orders"


def token(expiry: str = "2000", resource: str = AUDIENCE) -> str:
    signature = sign(quote_plus(resource), expiry, ROOT_KEY.key).decode()
    fields = {"sr": resource, "sig": signature, "se": expiry, "skn": ROOT_KEY.name}
    return f"SharedAccessSignature {urlencode(fields)}"


def stranger() -> Client:
    client = Client(World(orders={}, invoices={}))
    client.peer._claims.clear()
    return client


def put(client: Client, value: Any, **replaced: Any) -> tuple[int, str]:
    properties = {"operation": "put-token", "type": "jwt", "name": AUDIENCE} | replaced
    answer = Asker(client, "$cbs").ask(value, **properties).application_properties
    assert type(answer["status-code"]) is Int
    return answer["status-code"], answer["status-description"]


def test_a_good_token_opens_its_entity_and_no_other() -> None:
    client = stranger()
    status, _ = put(client, token())
    client.send(client.sender("orders"), body("a"))
    client.sender("invoices")
    error = client.detached()

    assert (status, client.world.queue().counts(1000.0).active) == (202, 1)
    assert error is not None
    assert error.condition == "amqp:unauthorized-access"


def test_a_claim_ends_with_its_token() -> None:
    client = stranger()
    put(client, token(expiry="1001"))
    client.world.real_now = 1001.0
    client.sender("orders")

    assert client.detached() is not None


def test_moving_the_brokers_clock_expires_no_token() -> None:
    client = stranger()
    put(client, token())
    client.world.pass_time(86_400.0)
    client.send(client.sender("orders"), body("a"))

    assert client.world.queue().counts(client.world.now).active == 1


def test_a_bad_token_is_unauthorized_and_says_why() -> None:
    status, description = put(stranger(), token(expiry="999"))

    assert (status, "expired" in description) == (401, True)


@pytest.mark.parametrize("path", ["nobody", "orders/Subscriptions/one", "nobody/$management"])
def test_who_may_use_an_entity_that_does_not_exist_is_told_that_it_is_missing(path: str) -> None:
    name = f"{NAMESPACE}{path}"
    status, description = put(stranger(), token(resource=NAMESPACE), name=name)

    assert (status, "could not be found" in description) == (404, True)


def test_who_may_not_use_an_entity_is_not_told_whether_it_exists() -> None:
    status, _ = put(stranger(), token(expiry="999"), name=f"{NAMESPACE}nobody")

    assert status == 401


@pytest.mark.parametrize("path", ["", "ORDERS", "orders/$DeadLetterQueue", "orders/$management"])
def test_a_token_is_taken_for_the_namespace_and_for_every_part_of_an_entity(path: str) -> None:
    name = f"{NAMESPACE}{path}"
    status, _ = put(stranger(), token(resource=NAMESPACE), name=name)

    assert status == 202


@pytest.mark.parametrize(("value", "name"), [(b"bytes", AUDIENCE), (None, AUDIENCE), ("x", None)])
def test_half_a_request_is_a_bad_one(value: object, name: object) -> None:
    status, _ = put(stranger(), value, name=name)

    assert status == 400


def test_other_operations_are_refused_in_clear_words() -> None:
    status, description = put(stranger(), token(), operation="delete-token")

    assert (status, "put-token" in description) == (501, True)
