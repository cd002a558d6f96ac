from http import HTTPStatus
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest

from servicebus_emulator.admin.atom import ATOM, SERVICE_BUS
from servicebus_emulator.admin.messages import Request, Response
from servicebus_emulator.admin.operations import handle
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.rules import CorrelationFilter, SqlFilter

NOW = 1_000_000.0
TYPES = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
SCHEMA = 'xmlns:d="http://www.w3.org/2001/XMLSchema"'


@pytest.fixture
def namespace() -> Namespace:
    namespace = Namespace(uuid4, now=NOW)
    namespace.create_topic("news", now=NOW).create_subscription("all", now=NOW)
    return namespace


def put(namespace: Namespace, path: str, description: str) -> Response:
    body = f'<entry xmlns="{ATOM}"><content>{description}</content></entry>'.encode()
    return handle(Request("PUT", path, body=body), namespace, NOW)


def put_rule(namespace: Namespace, parts: str, kind: str = "RuleDescription") -> Response:
    description = f'<{kind} xmlns="{SERVICE_BUS}" {TYPES}>{parts}</{kind}>'
    return put(namespace, "/news/Subscriptions/all/Rules/mine", description)


def pair(value: str) -> str:
    return (
        '<Filter i:type="CorrelationFilter"><Properties><KeyValueOfstringanyType>'
        f"<Key>k</Key>{value}</KeyValueOfstringanyType></Properties></Filter>"
    )


@pytest.mark.parametrize(
    ("parts", "refusal"),
    [
        ('<Filter i:type="OddFilter"/>', "no filter of the type 'OddFilter'"),
        ('<Action i:type="OddAction"/>', "no action of the type 'OddAction'"),
        (pair(""), "An entry of Properties has no value"),
        (pair(f'<Value {SCHEMA} i:type="d:odd">1</Value>'), "type 'odd' of k is not known"),
        (pair(f'<Value {SCHEMA} i:type="d:int">one</Value>'), "value of k is malformed"),
        (pair(f'<Value {SCHEMA} i:type="d:long">{2**63}</Value>'), "at most 64 bits"),
    ],
)
def test_a_rule_with_a_part_that_nobody_knows_is_refused(
    namespace: Namespace, parts: str, refusal: str
) -> None:
    response = put_rule(namespace, parts)

    assert response.status == HTTPStatus.BAD_REQUEST
    error = ET.fromstring(response.body)  # noqa: S314 (our own document)
    assert refusal in (error.findtext("Detail") or "")


def test_another_document_is_no_rule(namespace: Namespace) -> None:
    response = put_rule(namespace, "", kind="QueueDescription")

    assert b"A RuleDescription is expected here" in response.body


def test_a_correlation_filter_is_shown_as_it_was_put(namespace: Namespace) -> None:
    response = put_rule(namespace, pair(f'<Value {SCHEMA} i:type="d:int">7</Value>'))

    rule = namespace.get_subscription("news", "all").get_rule("mine")
    assert rule.filter == CorrelationFilter({}, {"k": 7})
    assert b'i:type="d6p1:int">7<' in response.body


def test_a_subscription_begins_with_the_rule_that_comes_with_it(namespace: Namespace) -> None:
    rule = (
        f'<DefaultRuleDescription {TYPES}><Filter i:type="SqlFilter"><SqlExpression>a = 1'
        "</SqlExpression></Filter><Name>mine</Name></DefaultRuleDescription>"
    )
    description = f'<SubscriptionDescription xmlns="{SERVICE_BUS}">{rule}</SubscriptionDescription>'

    response = put(namespace, "/news/Subscriptions/some", description)

    assert response.status == HTTPStatus.CREATED
    [only] = namespace.get_subscription("news", "some").rules
    assert (only.name, only.filter) == ("mine", SqlFilter("a = 1"))


def test_names_can_be_read_out_of_ids(namespace: Namespace) -> None:
    listed = handle(Request("GET", "/news/Subscriptions/all/Rules"), namespace, NOW)

    assert b"<id>sb://localhost/news/Subscriptions/all/Rules/$Default</id>" in listed.body


def test_names_have_the_prefixes_that_clients_read(namespace: Namespace) -> None:
    body = handle(Request("GET", "/news/Subscriptions/all"), namespace, NOW).body

    assert f'<SubscriptionDescription xmlns="{SERVICE_BUS}">'.encode() in body
    assert b"<d2p1:ActiveMessageCount>0</d2p1:ActiveMessageCount>" in body
