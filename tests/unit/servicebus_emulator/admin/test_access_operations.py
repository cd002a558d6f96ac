from http import HTTPStatus
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest

from servicebus_emulator.admin import atom
from servicebus_emulator.admin.access_documents import rule_entry
from servicebus_emulator.admin.messages import Request, Response
from servicebus_emulator.admin.operations import handle
from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.broker.namespace import Namespace

NOW = 1_000_000.0
PATH = "/$AuthorizationRules/sender"
SENDER = AccessKey("sender", "first", Right.SEND, secondary_key="second")


@pytest.fixture
def namespace() -> Namespace:
    namespace = Namespace(uuid4, now=NOW)
    namespace.access_keys["root"] = AccessKey("root", "key")
    return namespace


def put(namespace: Namespace, rule: AccessKey, **headers: str) -> Response:
    body = atom.render_entry(rule_entry(rule))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return handle(Request("PUT", PATH, headers=named, body=body), namespace, NOW)


def detail(response: Response) -> str:
    return ET.fromstring(response.body).findtext("Detail") or ""  # noqa: S314 (our own document)


def test_a_rule_is_created_read_listed_and_removed(namespace: Namespace) -> None:
    assert put(namespace, SENDER).status == HTTPStatus.CREATED
    assert namespace.access_keys["sender"] == SENDER

    shown = handle(Request("GET", PATH), namespace, NOW)
    assert b"first" in shown.body
    listed = handle(Request("GET", "/$AuthorizationRules"), namespace, NOW)
    assert listed.body.count(b"KeyName>root<") == listed.body.count(b"KeyName>sender<") == 1
    assert handle(Request("DELETE", PATH), namespace, NOW).status == HTTPStatus.OK
    assert handle(Request("GET", PATH), namespace, NOW).status == HTTPStatus.NOT_FOUND


def test_a_rule_without_keys_is_given_some_and_keeps_them(namespace: Namespace) -> None:
    put(namespace, AccessKey("sender", "", Right.SEND))
    made = namespace.access_keys["sender"]
    assert len(made.key) == len(made.secondary_key) == 44
    assert made.key != made.secondary_key

    both = Right.SEND | Right.LISTEN
    assert put(namespace, AccessKey("sender", "", both), if_match="*").status == HTTPStatus.OK
    assert namespace.access_keys["sender"] == AccessKey(
        "sender", made.key, both, secondary_key=made.secondary_key
    )


def test_an_update_needs_the_rule_as_it_is(namespace: Namespace) -> None:
    assert put(namespace, SENDER, if_match="*").status == HTTPStatus.NOT_FOUND
    assert put(namespace, SENDER).status == HTTPStatus.CREATED
    assert put(namespace, SENDER, if_match='"1"').status == HTTPStatus.PRECONDITION_FAILED


def test_somebody_must_be_able_to_manage(namespace: Namespace) -> None:
    path = "/$AuthorizationRules/root"
    response = handle(Request("DELETE", path), namespace, NOW)

    assert response.status == HTTPStatus.BAD_REQUEST
    assert "must grant Manage" in detail(response)
    body = atom.render_entry(rule_entry(AccessKey("root", "key", Right.SEND)))
    again = handle(Request("PUT", path, body=body), namespace, NOW)
    assert "must grant Manage" in detail(again)


def test_another_document_is_no_rule(namespace: Namespace) -> None:
    body = atom.render_entry(atom.Entry("p", "t", "QueueDescription", [], 0.0, 0.0))
    response = handle(Request("PUT", PATH, body=body), namespace, NOW)

    assert "AuthorizationRule is expected" in detail(response)


def test_another_element_among_the_rules_of_an_entity_is_refused(namespace: Namespace) -> None:
    rules = ET.Element(f"{{{atom.SERVICE_BUS}}}AuthorizationRules")
    ET.SubElement(rules, f"{{{atom.SERVICE_BUS}}}Rule")
    entry = atom.Entry("p", "t", "QueueDescription", [("AuthorizationRules", rules)], 0.0, 0.0)
    response = handle(Request("PUT", "/orders", body=atom.render_entry(entry)), namespace, NOW)

    assert "AuthorizationRules has no element Rule" in detail(response)
