"""Atom documents of the management API: an entry around a description, a feed around entries.

Source: https://learn.microsoft.com/rest/api/servicebus/ and RFC 4287.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ATOM = "http://www.w3.org/2005/Atom"
SERVICE_BUS = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
COUNT_DETAILS = "http://schemas.microsoft.com/netservices/2011/06/servicebus"
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
TYPE = f"{{{_SCHEMA_INSTANCE}}}type"
"""The attribute that says which kind of filter, action, rule or value an element is."""

Fields = list[tuple[str, "str | ET.Element | None"]]
"""The children of a description, in order: name and text, a whole element, or None to leave out."""


_EPOCH = datetime.fromtimestamp(0, UTC)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML document may hold, not even escaped (XML 1.0, section 2.2)."""


class InvalidDocumentError(ValueError):
    """The body of a request is not what the operation reads."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a feed, such as `next`."""

    rel: str
    href: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entity as a document: its title, when it was made and changed, and its description.

    Attributes:
        path: Where it is in the namespace; the SDK for Node.js reads names out of it.
    """

    path: str
    title: str
    kind: str  # the name of the description's element, such as QueueDescription
    fields: Fields
    published: float
    updated: float


def timestamp(seconds: float) -> str:
    """Write a time, given in seconds since the epoch, as RFC 3339 in UTC."""
    moment = _EPOCH + timedelta(seconds=seconds)  # also long ago, on any system
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def etag(updated: float) -> str:
    """The version of an entity that was changed last at `updated`, in seconds since the epoch."""
    return str(round(updated * 1_000_000))


def count_details(counts: Mapping[str, int]) -> ET.Element:
    """The element `CountDetails`, whose children live in a namespace of their own."""
    details = ET.Element(f"{{{SERVICE_BUS}}}CountDetails")
    for name, value in counts.items():
        ET.SubElement(details, f"{{{COUNT_DETAILS}}}{name}").text = str(value)
    return details


def render_entry(entry: Entry) -> bytes:
    """Write an entity as a document of its own."""
    return _document(_entry_element(entry))


def render_feed(title: str, entries: Iterable[Entry], links: Iterable[Link], now: float) -> bytes:
    """Write a page of entities."""
    feed = ET.Element(f"{{{ATOM}}}feed")
    ET.SubElement(feed, f"{{{ATOM}}}title", type="text").text = title
    ET.SubElement(feed, f"{{{ATOM}}}updated").text = timestamp(now)
    for link in links:
        ET.SubElement(feed, f"{{{ATOM}}}link", rel=link.rel, href=link.href)
    feed.extend(_entry_element(entry) for entry in entries)
    return _document(feed)


def render_error(code: int, detail: str) -> bytes:
    """Write an error as the SDKs read it; `detail` may quote whatever a client sent."""
    error = ET.Element("Error")
    ET.SubElement(error, "Code").text = str(code)
    ET.SubElement(error, "Detail").text = _NOT_XML.sub("\ufffd", detail)
    return _document(error)


def parse_entry(body: bytes) -> tuple[str, dict[str, ET.Element]]:
    """Read the description in an entry: its element's name, and its children by name.

    Raises:
        InvalidDocumentError: Not XML, with a document type (which XML bombs need), or no entry.
    """
    parser = ET.XMLParser(target=_PlainTreeBuilder())  # noqa: S314 (it refuses document types)
    try:
        root = ET.fromstring(body, parser)  # noqa: S314 (with that parser)
    except InvalidDocumentError:
        raise
    except (ET.ParseError, LookupError, ValueError) as error:
        raise InvalidDocumentError(f"The request body is not well-formed XML: {error}.") from error
    content = root.find(f"{{{ATOM}}}content")
    if root.tag != f"{{{ATOM}}}entry" or content is None or len(content) != 1:
        raise InvalidDocumentError("The request body is not an Atom entry with one description.")
    description = content[0]
    return local_name(description), {local_name(child): child for child in description}


class _PlainTreeBuilder(ET.TreeBuilder):
    """Stops at a document type, before any of its entities can be expanded.

    The parser reports it whatever the document's encoding hides from a search in the bytes.
    """

    def doctype(self, _name: str, _pubid: str | None, _system: str | None) -> None:
        raise InvalidDocumentError("A document type is not allowed in the request body.")


def _entry_element(entry: Entry) -> ET.Element:
    root = ET.Element(f"{{{ATOM}}}entry")
    ET.SubElement(root, f"{{{ATOM}}}id").text = f"sb://localhost/{entry.path}"
    ET.SubElement(root, f"{{{ATOM}}}title", type="text").text = entry.title
    ET.SubElement(root, f"{{{ATOM}}}published").text = timestamp(entry.published)
    ET.SubElement(root, f"{{{ATOM}}}updated").text = timestamp(entry.updated)
    content = ET.SubElement(root, f"{{{ATOM}}}content", type="application/xml")
    description = ET.SubElement(content, f"{{{SERVICE_BUS}}}{entry.kind}")
    for name, value in entry.fields:
        if isinstance(value, ET.Element):
            description.append(value)
        elif value is not None:
            ET.SubElement(description, f"{{{SERVICE_BUS}}}{name}").text = value
    return root


def _document(root: ET.Element) -> bytes:
    _write_namespaces(root, "")
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _write_namespaces(element: ET.Element, outer: str) -> None:
    """Declare namespaces as the service does: clients read names with their prefixes.

    Elements have none, but for the counts, which are `d2p1:`; types are `i:type`.
    """
    namespace, _, name = element.tag.rpartition("}")
    namespace = namespace.removeprefix("{")
    kind = element.attrib.pop(TYPE, None)
    declared = {}
    if namespace == COUNT_DETAILS:
        name = f"d2p1:{name}"
    elif namespace != outer:
        declared["xmlns"] = namespace
    if name == "CountDetails":
        declared["xmlns:d2p1"] = COUNT_DETAILS
    if kind is not None:
        declared |= {"xmlns:i": _SCHEMA_INSTANCE, "i:type": kind}
    element.tag = name
    element.attrib.update(declared)
    for child in element:
        _write_namespaces(child, namespace)


def local_name(element: ET.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]
