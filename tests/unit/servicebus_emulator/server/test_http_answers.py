import json
from urllib.parse import quote_plus, urlencode
from uuid import UUID

import pytest

from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.clock import ManualClock
from servicebus_emulator.nodes.sas import ROOT_KEY, AccessKey, KeyRing, Right, sign
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
        self.namespace = Namespace(lambda: UUID(int=1))
        self.changes = 0
        self.answers = HttpAnswers(
            self.namespace, KeyRing([ROOT_KEY, SENDER]), ManualClock(start=1000.0), self.change
        )

    def change(self) -> None:
        self.changes += 1

    def ask(self, method: str, target: str, authorization: str | None = None) -> HttpResponse:
        headers = {} if authorization is None else {"authorization": authorization}
        return self.answers(HttpRequest(method, target, headers, b"", keep_alive=True))


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


def test_who_may_manage_is_answered_and_the_change_is_told() -> None:
    house = House()
    house.namespace.create_queue("orders", now=1000.0)
    response = house.ask("DELETE", "/orders?api-version=2021-05", token(ROOT_KEY))

    assert (response.status, house.changes) == (200, 1)
    assert house.namespace.list_queues() == []
