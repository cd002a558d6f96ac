from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)

from celery_azure.storage import operations
from celery_azure.storage.errors import ChangedMeanwhileError
from celery_azure.storage.messages import Answer, BrokenAnswerError
from celery_azure.storage.operations import Blob, ListedBlob, Operation, Page


def answer(status: int, code: str = "", body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, {"x-ms-error-code": code, **headers}, body)


ABSENT = answer(404, "BlobNotFound")
DENIED = answer(403, "AuthenticationFailed", b"<Error><Message>No.\nSigned: secret</Message>")

EVERY: dict[str, Operation[Any]] = {
    "read": operations.read("box", "n"),
    "read_part": operations.read_part("box", "n", 0, 1),
    "size": operations.size("box", "n"),
    "write": operations.write("box", "n", b""),
    "create_log": operations.create_log("box", "n"),
    "append": operations.append("box", "n", b"", 0),
    "add": operations.add("box", "n", b""),
    "delete": operations.delete("box", "n"),
    "create_container": operations.create_container("box"),
    "list_page": operations.list_page("box", "", None, 1),
}


def test_reading_gives_content_and_version() -> None:
    found = operations.read("box", "n").understand(answer(200, body=b"x", etag='"0x1"'))
    assert found == Blob(b"x", '"0x1"')


@pytest.mark.parametrize("name", ["read", "read_part", "size", "append"])
def test_a_blob_that_is_not_there_is_none(name: str) -> None:
    assert EVERY[name].understand(ABSENT) is None


@pytest.mark.parametrize(("status", "part"), [(206, b"ab"), (200, b"ab"), (416, b"")])
def test_a_part_may_be_shorter_than_asked_for(status: int, part: bytes) -> None:
    operation = operations.read_part("box", "n", 5, 10)
    assert operation.request.headers["x-ms-range"] == "bytes=5-14"
    body = part if status != 416 else b"<Error/>"
    assert operation.understand(answer(status, body=body)) == part


def test_a_size_is_the_length_of_the_content() -> None:
    found = EVERY["size"].understand(Answer(200, {"content-length": "12"}))
    assert found == 12


def test_writing_gives_the_new_version() -> None:
    assert EVERY["write"].understand(answer(201, etag='"0x2"')) == '"0x2"'


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "BlobAlreadyExists"),
        (412, "ConditionNotMet"),
        (412, "TargetConditionNotMet"),
        (404, "BlobNotFound"),
    ],
)
def test_a_condition_that_does_not_hold_has_its_own_error(status: int, code: str) -> None:
    with pytest.raises(ChangedMeanwhileError):
        EVERY["write"].understand(answer(status, code))


def test_a_conflict_of_another_kind_is_no_failed_condition() -> None:
    with pytest.raises(HttpResponseError) as caught:
        EVERY["write"].understand(answer(409, "LeaseIdMissing"))
    assert not isinstance(caught.value, ResourceNotFoundError)


def test_a_write_into_no_container_is_not_found() -> None:
    with pytest.raises(ResourceNotFoundError):
        EVERY["write"].understand(answer(404, "ContainerNotFound"))


def test_adding_says_whether_there_is_a_blob_and_has_no_condition() -> None:
    operation = operations.add("box", "n", b"abc")
    assert (operation.request.query, operation.request.headers) == ((("comp", "appendblock"),), {})
    assert operation.understand(answer(201)) is True
    assert operation.understand(ABSENT) is False
    with pytest.raises(HttpResponseError):
        operation.understand(answer(409, "BlockCountExceedsLimit"))


def test_appending_gives_the_new_length_and_is_bound_to_the_old() -> None:
    operation = operations.append("box", "n", b"abc", 7)
    assert operation.request.headers["x-ms-blob-condition-appendpos"] == "7"
    assert operation.understand(answer(201)) == 10
    with pytest.raises(ChangedMeanwhileError):
        operation.understand(answer(412, "AppendPositionConditionNotMet"))


def test_deleting_tells_whether_the_blob_went() -> None:
    outcomes = [EVERY["delete"].understand(a) for a in (answer(202), ABSENT, answer(412))]
    assert outcomes == [True, False, False]


def test_a_container_may_be_there() -> None:
    create = EVERY["create_container"].understand
    assert create(answer(201)) is True
    assert create(answer(409, "ContainerAlreadyExists")) is False
    with pytest.raises(HttpResponseError):
        create(answer(409, "ContainerBeingDeleted"))


def test_a_listing_has_names_versions_times_and_what_to_ask_next() -> None:
    body = (
        b"<?xml version='1.0'?><EnumerationResults><Blobs>"
        b"<Blob><Name>logs/a&amp;b.log</Name><Properties>"
        b"<Last-Modified>Thu, 01 Jan 1970 00:01:40 GMT</Last-Modified><Etag>0x1</Etag>"
        b"</Properties></Blob>"
        b'<Blob><Name>n2</Name><Properties><Etag>"0x2"</Etag>'
        b"<Last-Modified>Thu, 01 Jan 1970 00:00:00 GMT</Last-Modified></Properties></Blob>"
        b"</Blobs><NextMarker>2!a&amp;</NextMarker></EnumerationResults>"
    )
    page = EVERY["list_page"].understand(answer(200, body=body))
    blobs = (ListedBlob("logs/a&b.log", '"0x1"', 100.0), ListedBlob("n2", '"0x2"', 0.0))
    assert page == Page(blobs, "2!a&")


@pytest.mark.parametrize("marker", [b"<NextMarker/>", b"<NextMarker></NextMarker>", b""])
def test_the_last_page_has_no_marker(marker: bytes) -> None:
    assert EVERY["list_page"].understand(answer(200, body=marker)) == Page((), None)


def test_a_container_that_is_not_there_lists_nothing() -> None:
    assert EVERY["list_page"].understand(answer(404, "ContainerNotFound")) == Page((), None)


def test_a_listing_that_lacks_what_must_be_there_is_broken() -> None:
    with pytest.raises(BrokenAnswerError):
        EVERY["list_page"].understand(answer(200, body=b"<Blob><Name>n</Name></Blob>"))


@pytest.mark.parametrize("name", EVERY)
def test_a_refusal_is_told_in_a_line_without_what_was_signed(name: str) -> None:
    with pytest.raises(ClientAuthenticationError) as caught:
        EVERY[name].understand(DENIED)
    assert str(caught.value) == "No. (403 AuthenticationFailed)"
    assert caught.value.status_code == 403


@pytest.mark.parametrize("name", EVERY)
def test_an_unexpected_answer_is_an_error(name: str) -> None:
    with pytest.raises(HttpResponseError, match="418"):
        EVERY[name].understand(answer(418))
