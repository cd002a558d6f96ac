"""What stands in a message's body, read once: to see that it can be read, and for who takes it."""

from __future__ import annotations

from typing import Any

from kombu.serialization import registry
from kombu.transport import virtual
from kombu.utils.json import loads as kombu_loads

from celery_azure import serializer

_PAYLOAD = "payload"


def read_json(data: bytes) -> Any:
    """Read what kombu's `json` wrote, as kombu does: some objects stand for what JSON has not.

    Raises:
        Exception: It is no JSON in UTF-8, or whatever the readers of types raise.
    """
    text = str(data, "utf-8")
    if "__type__" in text or ("\\" in text and "\\u00" in text):  # the same, or in disguise
        return kombu_loads(text)
    return serializer.loads(text)


_READERS = {kombu_loads: read_json, serializer.loads: serializer.loads, None: serializer.loads}
"""By what kombu reads a content type with: what reads the same as the same, and sooner."""


def read_payload(message: dict[str, Any], body: bytes) -> Any:
    """Read a body of JSON as kombu would.

    Args:
        message: As kombu's channels know it; what was read is kept there for its `payload`.
        body: As it was before it was written in another alphabet.

    Raises:
        Exception: Whatever the reader of its content type raises.
    """
    kind = message.get("content-type")
    reader = registry._decoders.get(kind)  # noqa: SLF001 - anybody may register another
    if reader in _READERS:
        payload = _READERS[reader](body)
    else:
        payload = registry.loads(body, kind, message.get("content-encoding"), force=True)
    if reader is not None:  # else kombu takes it for text
        message[_PAYLOAD] = payload
    return payload


class Message(virtual.Message):  # type: ignore[misc] # kombu publishes no types
    """A message whose payload was read when it came."""

    def _decode(self) -> Any:
        """What was read, if whoever takes the message accepts its content type."""
        payload = self._raw.pop(_PAYLOAD, None)  # once: the taker may change it
        if payload is None or self.accept is None or self.content_type not in self.accept:
            return super()._decode()
        return payload
