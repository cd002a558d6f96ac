import json
from urllib.parse import quote_plus, urlencode
from uuid import UUID

import pytest

from servicebus_emulator.admin.atom import Entry, Fields, render_entry
from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.clock import ManualClock
from servicebus_emulator.nodes.container import Container
from servicebus_emulator.nodes.sas import ROOT_KEY, KeyRing, sign
from servicebus_emulator.server.blueprint import Blueprint
from servicebus_emulator.server.control import Control
from servicebus_emulator.server.http_answers import HttpAnswers
from servicebus_emulator.server.http_parser import HttpRequest
from servicebus_emulator.server.http_responses import HttpResponse

SENDER = AccessKey("sender", "key", Right.SEND)


def token(key: AccessKey, resource: str = "https://localhost/") -> str:
    expiry = "99999999999"
    signature = sign(quote_plus(resource), expiry, key.key).decode()
    fields = {"sr": resource, "sig": signature, "se": expiry, "skn": key.name}
    return f"SharedAccessSignature {urlencode(fields)}"


class House:
    def __init__(self) -> None:
        clock = ManualClock(start=1000.0)
        self.namespace = Namespace(lambda: UUID(int=1))
        keys = KeyRing([ROOT_KEY, SENDER], self.namespace)
        self.changes = 0
        container = Container(self.namespace, keys, "house", lambda: UUID(int=1))
        self.control = Control(container, self.namespace, Blueprint(), clock, lambda: None)
        self.answers = HttpAnswers(self.namespace, keys, clock, self.change, self.control)

    def change(self) -> None:
        self.changes += 1

    def ask(
        self,
        method: str,
        target: str,
        authorization: str | None = None,
        body: bytes = b"",
        /,
        **headers: str,
    ) -> HttpResponse:
        if authorization is not None:
            headers["authorization"] = authorization
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.answers(HttpRequest(method, target, named, body, keep_alive=True))


def test_everybody_is_told_about_the_health() -> None:
    response = House().ask("GET", "/health?x=y")

    assert (response.status, json.loads(response.body)["status"]) == (200, "healthy")


def test_health_can_only_be_read() -> None:
    assert House().ask("DELETE", "/health").status == 405


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer x",
        token(AccessKey(ROOT_KEY.name, "wrong")),
        token(ROOT_KEY, "https://localhost/invoices"),
        token(SENDER),
    ],
)
def test_who_may_not_manage_is_refused_and_changes_nothing(authorization: str | None) -> None:
    house = House()
    house.namespace.create_queue("orders", now=1000.0)
    response = house.ask("DELETE", "/orders", authorization)

    assert response.status == 401
    assert response.body.startswith(b"<Error><Code>401</Code>")
    assert (house.namespace.get_queue("orders").path, house.changes) == ("orders", 0)


def test_of_what_is_not_there_everybody_is_told_who_has_a_token() -> None:
    house = House()
    house.namespace.create_queue("orders", now=1000.0)
    missing = house.ask("GET", "/nobody", token(SENDER))

    assert (missing.status, b"<entry" in missing.body) == (200, False)
    assert house.ask("GET", "/orders", token(SENDER)).status == 401


def test_a_token_may_name_the_host_alone() -> None:
    house = House()
    host = "emulator.example:5672"

    assert house.ask("GET", "/$Resources/queues", token(ROOT_KEY, host), host=host).status == 200
    assert house.ask("GET", "/$Resources/queues", token(ROOT_KEY, host), host="h").status == 401


def test_who_may_manage_is_answered_and_the_change_is_told() -> None:
    house = House()
    house.namespace.create_queue("orders", now=1000.0)
    response = house.ask("DELETE", "/orders?api-version=2021-05", token(ROOT_KEY))

    assert (response.status, house.changes) == (200, 1)
    assert house.namespace.list_queues() == []


def test_whoever_reaches_the_port_may_control_the_emulator() -> None:
    house = House()
    response = house.ask("POST", "/emulator/clock/advance?seconds=5")

    assert (response.status, json.loads(response.body)["epoch"]) == (200, 1005.0)
    assert house.changes == 1


def test_an_operation_without_a_document_has_no_content() -> None:
    assert House().ask("DELETE", "/emulator/faults").status == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example", "host": "localhost:5672"},
        {"origin": "null", "host": "localhost:5672"},
        {"sec_fetch_site": "cross-site"},
    ],
)
def test_a_page_of_another_site_may_not_control_the_emulator(headers: dict[str, str]) -> None:
    assert House().ask("POST", "/emulator/clock/freeze", **headers).status == 403


def test_the_emulators_own_page_may() -> None:
    headers = {"origin": "http://localhost:5672", "host": "localhost:5672"}

    assert (
        House().ask("GET", "/emulator/clock", sec_fetch_site="same-origin", **headers).status == 200
    )


def document(forward_to: str) -> bytes:
    fields: Fields = [("ForwardTo", f"sb://localhost/{forward_to}")]
    return render_entry(Entry("p", "t", "QueueDescription", fields, 0.0, 0.0))


SOURCE = "https://localhost/source"
MANAGER = AccessKey("manager", "secret")


@pytest.mark.parametrize(
    ("first", "supplementary", "status"),
    [
        (token(ROOT_KEY), None, 201),
        (token(ROOT_KEY, SOURCE), None, 401),
        (token(ROOT_KEY, SOURCE), token(ROOT_KEY, "https://localhost/target"), 201),
        (token(ROOT_KEY, SOURCE), token(MANAGER, "https://localhost/target"), 201),
        (token(ROOT_KEY, SOURCE), token(SENDER, "https://localhost/target"), 401),
        (token(ROOT_KEY, SOURCE), token(ROOT_KEY, SOURCE), 401),
        (token(ROOT_KEY), token(AccessKey(ROOT_KEY.name, "wrong")), 401),
        (token(ROOT_KEY), "Bearer x", 401),
    ],
)
def test_forwarding_takes_the_right_to_manage_the_target_as_well(
    first: str, supplementary: str | None, status: int
) -> None:
    house = House()
    policies = QueueDescription(authorization_rules=(MANAGER,))
    house.namespace.create_queue("target", policies, now=1000.0)
    headers = (
        {} if supplementary is None else {"servicebussupplementaryauthorization": supplementary}
    )
    response = house.ask("PUT", "/source", first, document("target"), **headers)

    assert response.status == status


def test_a_fault_can_throttle_or_refuse_management() -> None:
    house = House()
    house.namespace.create_queue("orders", now=1000.0)
    house.control.inject("manage", "throttle", entity="orders", name="get", times=1)
    house.control.inject("manage", "refuse", condition="amqp:not-found", description="Nowhere.")
    throttled, refused = (house.ask("GET", "/orders", token(ROOT_KEY)) for _ in range(2))

    assert (throttled.status, b"50009" in throttled.body) == (503, True)
    assert (refused.status, b"<Detail>Nowhere.</Detail>" in refused.body) == (404, True)
    house.control.clear_faults()
    assert house.ask("GET", "/orders", token(ROOT_KEY)).status == 200
