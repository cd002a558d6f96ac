from collections.abc import Iterable

import pytest
from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message, Scope

from queue_app.api.body import check_media, read_body
from queue_app.errors import PayloadTooLarge, UnsupportedMedia

LIMIT = 10


def scope_of(headers: dict[str, str]) -> Scope:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http", "headers": raw}


class Upload:
    """A request whose body arrives in chunks; remembers how many were asked for."""

    def __init__(self, chunks: Iterable[bytes | None], **headers: str) -> None:
        self._chunks = list(chunks)
        self.asked = 0
        headers = {"content_type": "application/json", **headers}
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.request = Request(scope_of(fields), self._receive)

    async def _receive(self) -> Message:
        chunk = self._chunks[self.asked]
        self.asked += 1
        if chunk is None:
            return {"type": "http.disconnect"}
        more = self.asked < len(self._chunks)
        return {"type": "http.request", "body": chunk, "more_body": more}


@pytest.mark.parametrize(
    "chunks", [[b"{}"], [b"{", b"}"], [b"", b"{}", b""], [b"x" * LIMIT], [b""]]
)
async def test_a_body_within_the_limit_is_read_whole(chunks: list[bytes]) -> None:
    assert await read_body(Upload(chunks).request, LIMIT) == b"".join(chunks)


@pytest.mark.parametrize("length", ["11", "262145", "9" * 6000, "00011"])
async def test_a_body_announced_as_too_long_is_not_read(length: str) -> None:
    upload = Upload([b"x"], content_length=length)
    with pytest.raises(PayloadTooLarge, match="10 bytes"):
        await read_body(upload.request, LIMIT)
    assert upload.asked == 0


@pytest.mark.parametrize("length", ["10", "0" * 50 + "2", "", "many", "-1", "²"])
async def test_an_announcement_within_the_limit_or_without_sense_is_no_reason(length: str) -> None:
    assert await read_body(Upload([b"{}"], content_length=length).request, LIMIT) == b"{}"


async def test_a_chunked_body_is_cut_as_soon_as_it_is_too_long() -> None:
    upload = Upload([b"x" * 6] * 1000)
    with pytest.raises(PayloadTooLarge):
        await read_body(upload.request, LIMIT)
    assert upload.asked == 2


async def test_a_body_longer_than_announced_is_cut_as_well() -> None:
    with pytest.raises(PayloadTooLarge):
        await read_body(Upload([b"x" * 11], content_length="2").request, LIMIT)


async def test_an_upload_that_breaks_off_is_no_body() -> None:
    with pytest.raises(ClientDisconnect):
        await read_body(Upload([b"{", None]).request, LIMIT)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/json; charset=utf8; profile=x",
        "application/vnd.order+json",
        "application/ld+json; charset=UTF-8",
    ],
)
def test_json_in_utf8_is_accepted(content_type: str) -> None:
    check_media(scope_of({"content-type": content_type}))


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "json",
        "application/jsonp",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, text/plain",
        ";",
        "é",
        "text/plain; name=application/json",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "application/json; charset=é",
        "application/json; charset*=utf-16''x",
        "application/xml, x+json",
        "+json",
    ],
)
def test_what_is_not_declared_as_json_in_utf8_is_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia):
        check_media(scope_of({"content-type": content_type}))


def test_a_missing_content_type_is_refused_with_the_remedy() -> None:
    with pytest.raises(UnsupportedMedia, match="send application/json"):
        check_media(scope_of({}))


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "é"])
def test_a_content_coding_is_refused(coding: str) -> None:
    with pytest.raises(UnsupportedMedia, match="uncompressed"):
        check_media(scope_of({"content-type": "application/json", "content-encoding": coding}))


def test_the_identity_coding_is_none() -> None:
    check_media(scope_of({"content-type": "application/json", "content-encoding": "identity"}))


async def test_the_media_type_is_checked_before_the_length() -> None:
    with pytest.raises(UnsupportedMedia):
        await read_body(Upload([], content_type="text/plain", content_length="11").request, LIMIT)
