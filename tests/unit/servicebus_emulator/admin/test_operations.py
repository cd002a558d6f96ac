from http import HTTPStatus
from uuid import uuid4
from xml.etree import ElementTree as ET

import pytest

from servicebus_emulator.admin import atom
from servicebus_emulator.admin.messages import Request, Response
from servicebus_emulator.admin.operations import handle
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.broker.namespace import Namespace

NOW = 1_000_000.0


@pytest.fixture
def namespace() -> Namespace:
    return Namespace(uuid4, now=NOW)


def document(kind: str = "QueueDescription", **fields: str) -> bytes:
    return atom.render_entry(atom.Entry("p", "t", kind, list(fields.items()), 0.0, 0.0))


def put(namespace: Namespace, path: str, body: bytes, *, update: bool = False) -> Response:
    headers = {"if-match": "*"} if update else {}
    return handle(Request("PUT", path, headers=headers, body=body), namespace, NOW)


def assert_refused(response: Response, status: HTTPStatus, detail: str) -> None:
    error = ET.fromstring(response.body)  # noqa: S314 (our own document)
    assert response.status == status
    assert error.findtext("Code") == str(status.value)
    assert detail in (error.findtext("Detail") or "")


def test_a_queue_is_created_once(namespace: Namespace) -> None:
    assert put(namespace, "/orders", document()).status == HTTPStatus.CREATED
    assert_refused(put(namespace, "/orders", document()), HTTPStatus.CONFLICT, "already exists")


def test_a_created_queue_has_the_properties_asked_for(namespace: Namespace) -> None:
    put(namespace, "/a%2Fb", document(LockDuration="PT7S", UserMetadata="", Status="SendDisabled"))

    description = namespace.get_queue("a/b").description
    assert description.lock_duration == 7.0
    assert description.user_metadata is None
    assert not description.status.can_send


def test_an_update_needs_if_match_and_a_queue(namespace: Namespace) -> None:
    missing = put(namespace, "/orders", document(), update=True)
    assert_refused(missing, HTTPStatus.NOT_FOUND, "could not be found")
    put(namespace, "/orders", document())

    assert put(namespace, "/orders", document(MaxDeliveryCount="3"), update=True).status == 200
    assert namespace.get_queue("orders").description.max_delivery_count == 3


def test_a_missing_queue_is_an_empty_feed(namespace: Namespace) -> None:
    response = handle(Request("GET", "/orders"), namespace, NOW)

    assert response.status == HTTPStatus.OK
    assert b"feed" in response.body
    assert b"<entry" not in response.body


def test_a_deleted_queue_is_gone(namespace: Namespace) -> None:
    put(namespace, "/orders", document())

    assert handle(Request("DELETE", "/orders"), namespace, NOW).status == HTTPStatus.OK
    again = handle(Request("DELETE", "/orders"), namespace, NOW)
    assert_refused(again, HTTPStatus.NOT_FOUND, "could not be found")


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"nonsense", HTTPStatus.BAD_REQUEST, "not well-formed"),
        (document(LockDuration="soon"), HTTPStatus.BAD_REQUEST, "The value of LockDuration"),
        (document(RequiresSession="perhaps"), HTTPStatus.BAD_REQUEST, "neither true nor false"),
        (document(Status="Sleepy"), HTTPStatus.BAD_REQUEST, "The value of Status"),
        (document(MaxDeliveryCount="9999"), HTTPStatus.BAD_REQUEST, "at most 2000"),
        (document(Colour="red"), HTTPStatus.BAD_REQUEST, "no property Colour"),
        (document("RelayDescription"), HTTPStatus.BAD_REQUEST, "not a RelayDescription"),
    ],
)
def test_a_description_that_cannot_be_kept_is_refused(
    namespace: Namespace, body: bytes, status: HTTPStatus, detail: str
) -> None:
    assert_refused(put(namespace, "/orders", body), status, detail)
    assert namespace.list_queues() == []


def test_an_illegal_name_is_a_bad_request(namespace: Namespace) -> None:
    response = put(namespace, "/a%20b", document())

    assert_refused(response, HTTPStatus.BAD_REQUEST, "no valid entity name")


def test_a_full_namespace_forbids_more() -> None:
    full = Namespace(uuid4, limits=Limits(max_entities=0))

    assert_refused(put(full, "/orders", document()), HTTPStatus.FORBIDDEN, "at most 0 entities")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/$Resources/relays"),
        ("GET", "/"),
    ],
)
def test_what_is_not_supported_says_so(namespace: Namespace, method: str, path: str) -> None:
    response = handle(Request(method, path), namespace, NOW)

    assert_refused(response, HTTPStatus.NOT_IMPLEMENTED, "not supported by this emulator yet")


def test_an_unknown_method_is_told_the_known_ones(namespace: Namespace) -> None:
    response = handle(Request("POST", "/orders"), namespace, NOW)

    assert_refused(response, HTTPStatus.METHOD_NOT_ALLOWED, "GET, PUT, DELETE")


@pytest.mark.parametrize("query", ["$skip=-1", "$top=many", "$skip=%C2%B2", "$top=0"])
def test_a_page_is_asked_for_in_whole_numbers(namespace: Namespace, query: str) -> None:
    response = handle(Request("GET", "/$Resources/queues", query), namespace, NOW)

    assert_refused(response, HTTPStatus.BAD_REQUEST, "must be a whole number")


def test_an_update_may_insist_on_the_version_that_it_has_seen(namespace: Namespace) -> None:
    seen = put(namespace, "/orders", document()).headers["etag"]
    request = Request("PUT", "/orders", headers={"if-match": seen}, body=document())

    assert handle(request, namespace, NOW + 1).status == HTTPStatus.OK
    outdated = handle(request, namespace, NOW + 2)
    assert_refused(outdated, HTTPStatus.PRECONDITION_FAILED, "has been changed")


def test_a_topic_that_is_there_is_no_queue_to_update(namespace: Namespace) -> None:
    put(namespace, "/news", document("TopicDescription"))

    refused = put(namespace, "/news", document(), update=True)
    assert_refused(refused, HTTPStatus.NOT_FOUND, "could not be found")


def test_an_unknown_method_is_told_those_of_the_nearest_path(namespace: Namespace) -> None:
    response = handle(Request("PUT", "/news/subscriptions"), namespace, NOW)

    assert_refused(response, HTTPStatus.METHOD_NOT_ALLOWED, "among: GET.")


def test_requests_beyond_the_credits_of_a_second_are_told_that_the_service_is_busy() -> None:
    throttled = Namespace(uuid4, now=NOW, limits=Limits(credits_per_second=20))
    for name in ("/one", "/two"):
        put(throttled, name, document())

    assert_refused(put(throttled, "/three", document()), HTTPStatus.SERVICE_UNAVAILABLE, "50009")
    assert len(throttled.list_queues()) == 2


@pytest.mark.parametrize(
    ("name", "fields", "status", "subcode"),
    [
        ("/orders", {}, HTTPStatus.CONFLICT, "SubCode=40900."),
        ("/other", {"LockDuration": "PT6M"}, HTTPStatus.BAD_REQUEST, "SubCode=40000."),
        ("/other", {}, HTTPStatus.FORBIDDEN, "SubCode=40300."),
    ],
)
def test_a_refusal_has_the_code_that_clients_look_for(
    name: str, fields: dict[str, str], status: HTTPStatus, subcode: str
) -> None:
    small = Namespace(uuid4, now=NOW, limits=Limits(max_entities=1))
    put(small, "/orders", document())

    assert_refused(put(small, name, document(**fields)), status, subcode)


@pytest.mark.parametrize(
    ("field", "header"),
    [
        ("ForwardTo", "servicebussupplementaryauthorization"),
        ("ForwardDeadLetteredMessagesTo", "servicebusdlqsupplementaryauthorization"),
    ],
)
@pytest.mark.parametrize("kind", ["QueueDescription", "SubscriptionDescription"])
def test_who_may_not_manage_an_entity_cannot_forward_to_it(
    namespace: Namespace, field: str, header: str, kind: str
) -> None:
    for path in ("/target", "/free"):
        put(namespace, path, document())
    put(namespace, "/news", document("TopicDescription"))
    path = "/source" if kind == "QueueDescription" else "/news/Subscriptions/source"
    asked: list[tuple[str, str]] = []

    def may_manage(header: str, path: str) -> bool:
        asked.append((header, path))
        return path != "target"

    def forward(target: str) -> Response:
        body = document(kind, **{field: f"sb://localhost/{target}"})
        return handle(Request("PUT", path, body=body, may_manage=may_manage), namespace, NOW)

    assert_refused(forward("target"), HTTPStatus.UNAUTHORIZED, "on 'target'")
    assert forward("free").status == HTTPStatus.CREATED
    assert asked == [(header, "target"), (header, "free")]
