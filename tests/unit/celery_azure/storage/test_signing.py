"""The texts that are signed: the documentation's own, and those of the SDK for our requests.

Source: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

from celery_azure.storage import operations
from celery_azure.storage.account import StorageAccount
from celery_azure.storage.signing import (
    BearerToken,
    SharedAccessSignature,
    SharedKey,
    string_to_sign,
)

KEY = "c2VjcmV0LWtleS1vZi1hbi1hY2NvdW50"
DATE = "Fri, 26 Jun 2015 23:39:12 GMT"


def test_get_container_metadata_is_signed_as_documented() -> None:
    text = string_to_sign(
        "myaccount",
        "GET",
        "/mycontainer",
        [("restype", "container"), ("comp", "metadata"), ("timeout", "20")],
        {"x-ms-date": DATE, "x-ms-version": "2015-02-21"},
    )
    assert text == (
        "GET\n\n\n\n\n\n\n\n\n\n\n\n"
        f"x-ms-date:{DATE}\nx-ms-version:2015-02-21\n"
        "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
    )


def test_put_blob_is_signed_as_documented() -> None:
    text = string_to_sign(
        "myaccount",
        "PUT",
        "/mycontainer/hello.txt",
        [],
        {
            "x-ms-version": "2015-02-21",
            "x-ms-date": DATE,
            "content-type": "text/plain; charset=UTF-8",
            "x-ms-blob-type": "BlockBlob",
            "x-ms-meta-m1": "v1",
            "x-ms-meta-m2": "v2",
            "content-length": "11",
        },
    )
    assert text == (
        "PUT\n\n\n11\n\ntext/plain; charset=UTF-8\n\n\n\n\n\n\n"
        f"x-ms-blob-type:BlockBlob\nx-ms-date:{DATE}\n"
        "x-ms-meta-m1:v1\nx-ms-meta-m2:v2\nx-ms-version:2015-02-21\n"
        "/myaccount/mycontainer/hello.txt"
    )


@pytest.mark.parametrize("length", ["0", ""])
def test_a_length_of_zero_is_signed_as_none(length: str) -> None:
    headers = {"content-length": length, "x-ms-date": DATE}
    assert string_to_sign("a", "PUT", "/c", [], headers).split("\n")[3] == ""


ACCOUNTS = [
    StorageAccount("acc.blob.core.windows.net", 443, True, "", SharedKey.parse("acc", KEY)),
    StorageAccount("127.0.0.1", 10000, False, "/acc", SharedKey.parse("acc", KEY)),
]
NAMES = ["plain", "logs/é 1%2F~+'&.log", "a//b", "0"]
REQUESTS = {
    **{f"read {name}": operations.read("box", name).request for name in NAMES},
    "read part": operations.read_part("box", "n", 10, 20).request,
    "size": operations.size("box", "n").request,
    "write": operations.write("box", "n", b"content", operations.JSON).request,
    "write nothing": operations.write("box", "n", b"").request,
    "write if match": operations.write("box", "n", b"x", if_match='"0x1"').request,
    "write if absent": operations.write("box", "n", b"x", if_absent=True).request,
    "create log": operations.create_log("box", "n").request,
    "append": operations.append("box", "n", b"line\n", 99).request,
    "add": operations.add("box", "n", b"line\n").request,
    "delete": operations.delete("box", "n", if_match='"0x1"').request,
    "create container": operations.create_container("box").request,
    "list": operations.list_page("box", "logs/é&", "2!92!marker==", 1000).request,
}


@pytest.mark.parametrize("account", ACCOUNTS, ids=["cloud", "azurite"])
@pytest.mark.parametrize("name", REQUESTS)
def test_each_request_is_signed_as_the_sdk_signs_it(account: StorageAccount, name: str) -> None:
    head, _, body = account.render(REQUESTS[name], DATE).partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = line.split(" ")
    headers = dict(text.split(": ", 1) for text in lines)
    ours = headers.pop("authorization")
    host = headers.pop("host")

    url = f"https://{host}{target}"
    request: Any = HttpRequest(method, url, headers=headers, content=body or None)
    request.query = dict(parse_qsl(urlsplit(url).query))  # what the SDK keeps beside the URL
    sdk: Any = SharedKeyCredentialPolicy  # it has no types
    sdk("acc", KEY).on_request(PipelineRequest(request, PipelineContext(None)))
    assert ours == request.headers["Authorization"]


def test_a_key_that_is_not_base64_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="not base64") as caught:
        SharedKey.parse("acc", "secret!")
    assert "secret" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    shown = repr([SharedKey.parse("acc", KEY), SharedAccessSignature("sv=1&sig=topsecret")])
    assert "topsecret" not in shown
    assert "secret-key" not in shown
    assert KEY not in shown


class FakeToken:
    def __init__(self, token: str, expires_on: int) -> None:
        self.token = token
        self.expires_on = expires_on


class FakeSource:
    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str) -> FakeToken:
        self.scopes += scopes
        return FakeToken(f"token-{len(self.scopes)}", 10_000 * len(self.scopes))


def test_a_token_is_asked_for_at_first_and_before_it_ends() -> None:
    source = FakeSource()
    bearer = BearerToken(source)
    assert bearer.is_stale(0)
    bearer.refresh()
    assert bearer.authorization() == "Bearer token-1"
    assert not bearer.is_stale(9_700)
    assert bearer.is_stale(9_701)
    bearer.refresh()
    assert bearer.authorization() == "Bearer token-2"
    assert source.scopes == ["https://storage.azure.com/.default"] * 2
