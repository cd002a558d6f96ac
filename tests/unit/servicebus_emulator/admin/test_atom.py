from xml.etree import ElementTree as ET

import pytest

from servicebus_emulator.admin.atom import (
    ATOM,
    Entry,
    InvalidDocumentError,
    Link,
    parse_entry,
    render_entry,
    render_error,
    render_feed,
    timestamp,
)


def entry(**fields: str) -> Entry:
    return Entry("orders", "orders", "QueueDescription", list(fields.items()), 0.0, 1.5)


def test_an_entry_is_read_as_it_was_written() -> None:
    kind, children = parse_entry(render_entry(entry(LockDuration="PT5S", UserMetadata="<ü&>")))

    assert kind == "QueueDescription"
    assert {name: child.text for name, child in children.items()} == {
        "LockDuration": "PT5S",
        "UserMetadata": "<ü&>",
    }


def test_a_feed_holds_its_links_and_entries() -> None:
    feed = render_feed("Queues", [entry()], [Link("next", "q?$skip=1&$top=1")], now=0.0).decode()

    assert 'href="q?$skip=1&amp;$top=1"' in feed
    assert feed.count(f"{{{ATOM}}}") == 0
    assert feed.count("entry>") == 2


def test_a_time_is_written_in_utc() -> None:
    assert timestamp(1.5) == "1970-01-01T00:00:01.500000Z"


def test_an_error_is_xml_whatever_it_quotes() -> None:
    detail = "".join(map(chr, range(0xD800))) + "\ud800\uffff<\U0001f600>"

    error = ET.fromstring(render_error(404, detail))  # noqa: S314 (our own document)

    assert (error.findtext("Detail") or "").endswith("\ufffd\ufffd<\U0001f600>")


def test_a_document_type_is_never_a_part_of_text() -> None:
    body = render_entry(entry(UserMetadata="<!DOCTYPE a>"))

    assert parse_entry(body)[1]["UserMetadata"].text == "<!DOCTYPE a>"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not well-formed"),
        (b"{}", "not well-formed"),
        (b"<entry>", "not well-formed"),
        (b"<entry/>", "not an Atom entry"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "not well-formed"),
        (f'<entry xmlns="{ATOM}"/>'.encode(), "not an Atom entry"),
        (f'<entry xmlns="{ATOM}"><content/></entry>'.encode(), "not an Atom entry"),
        (f'<entry xmlns="{ATOM}"><content><a/><b/></content></entry>'.encode(), "one description"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type is not allowed"),
        (b"<!DOCTYPE a><a/>", "document type is not allowed"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"), "document type is not"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>', "document type is not allowed"),
        (b"<!doctype a><a/>", "not well-formed"),
    ],
)
def test_what_is_no_entry_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(InvalidDocumentError, match=why):
        parse_entry(body)
