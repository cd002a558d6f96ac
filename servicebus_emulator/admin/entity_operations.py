"""The operations on queues and topics, which share one space of names.

Source: https://learn.microsoft.com/rest/api/servicebus/queues and .../topics
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from servicebus_emulator.admin import atom
from servicebus_emulator.admin.access_documents import RULES, read_rules
from servicebus_emulator.admin.atom import Entry
from servicebus_emulator.admin.entity_documents import entity_entry, read_description
from servicebus_emulator.admin.messages import Response
from servicebus_emulator.admin.routing import (
    Call,
    Operation,
    check_forwarding,
    entry_response,
    page_response,
)
from servicebus_emulator.broker.entities import QueueDescription, TopicDescription
from servicebus_emulator.broker.errors import EntityNotFound
from servicebus_emulator.broker.topic import Topic

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from servicebus_emulator.broker.queue import Queue

_Description = TypeVar("_Description", QueueDescription, TopicDescription)


def namespace_info(call: Call) -> Response:
    """What the namespace says of itself."""
    namespace = call.namespace
    created = atom.timestamp(namespace.created_at)
    fields: atom.Fields = [
        ("CreatedTime", created),
        ("MessagingSKU", "Standard"),
        ("ModifiedTime", created),
        ("Name", namespace.name),
        ("NamespaceType", "Messaging"),
    ]
    made = namespace.created_at
    return entry_response(Entry("", namespace.name, "NamespaceInfo", fields, made, made))


def list_queues(call: Call) -> Response:
    """The queues, by name."""
    queues = call.namespace.list_queues()
    return page_response(call, "Queues", queues, lambda queue: entity_entry(queue, call.now))


def list_topics(call: Call) -> Response:
    """The topics, by name."""
    topics = call.namespace.list_topics()
    return page_response(call, "Topics", topics, lambda topic: entity_entry(topic, call.now))


def get(call: Call) -> Response:
    """A queue or a topic."""
    try:
        entity = call.namespace.get_entity(call.names[0])
    except EntityNotFound:  # the service says so with an empty feed, and the SDKs expect it
        feed = atom.render_feed("Publicly Listed Services", (), (), call.now)
        return Response(HTTPStatus.OK, feed)
    return entry_response(entity_entry(entity, call.now))


def put(call: Call) -> Response:
    """Create or update a queue or a topic, whichever the document describes."""
    kind, children = atom.parse_entry(call.request.body)
    name, now = call.names[0], call.now
    entity: Queue | Topic
    if kind == "TopicDescription":
        topic = _with_rules(read_description(TopicDescription, kind, children), children, call)
        if call.is_update:
            call.check_match(call.namespace.get_topic(name).updated_at)
            entity = call.namespace.update_topic(name, topic, now=now)
        else:
            entity = call.namespace.create_topic(name, topic, now=now)
    else:
        queue = _with_rules(read_description(QueueDescription, kind, children), children, call)
        check_forwarding(call, name, queue)
        if call.is_update:
            call.check_match(call.namespace.get_queue(name).updated_at)
            entity = call.namespace.update_queue(name, queue, now=now)
        else:
            entity = call.namespace.create_queue(name, queue, now=now)
    status = HTTPStatus.OK if call.is_update else HTTPStatus.CREATED
    return entry_response(entity_entry(entity, now), status)


def _with_rules(
    description: _Description, children: dict[str, Element], call: Call
) -> _Description:
    """Add the authorization rules; a document that says nothing of them leaves them as they are."""
    old, element = call.namespace.policies_of(call.names[0]), children.get(RULES)
    rules = old
    if element is not None:
        rules = read_rules(element, old, call.namespace.new_key, call.now)
    return replace(description, authorization_rules=rules)


def delete(call: Call) -> Response:
    """Remove a queue or a topic."""
    entity = call.namespace.get_entity(call.names[0])
    call.check_match(entity.updated_at)
    if isinstance(entity, Topic):
        call.namespace.delete_topic(entity.path)
    else:
        call.namespace.delete_queue(entity.path)
    return Response(HTTPStatus.OK)


ENTITY_OPERATIONS = (
    Operation("Get the namespace", "GET", "$namespaceinfo", namespace_info),
    Operation("List queues", "GET", "$Resources/queues", list_queues),
    Operation("List topics", "GET", "$Resources/topics", list_topics),
    Operation("Get a queue or topic", "GET", "{entity}", get),
    Operation("Create or update a queue or topic", "PUT", "{entity}", put),
    Operation("Delete a queue or topic", "DELETE", "{entity}", delete),
)
