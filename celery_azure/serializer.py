"""A Celery serializer that keeps JSON values as they are.

kombu's own `json` gives a meaning to objects such as `{"__type__": "uuid", "__value__": ...}`:
data from outside would arrive as something else. This one knows no types but JSON's own.
"""

from __future__ import annotations

import json
from typing import Any

from kombu.serialization import register

NAME = "plain-json"
CONTENT_TYPE = "application/vnd.celery.plain+json"


def dumps(value: Any) -> str:
    """Write compact JSON; NaN and what JSON does not know are errors."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


_read_start = json.JSONDecoder().raw_decode


def loads(data: bytes | str) -> Any:
    """Read JSON as `json.loads` does, sooner where no space stands around it; bytes are UTF-8.

    Raises:
        ValueError: It is no JSON.
    """
    text = data if isinstance(data, str) else str(data, "utf-8")
    try:
        value, end = _read_start(text)
    except ValueError:
        end = None
    return value if end == len(text) else json.loads(text)


def register_plain_json() -> None:
    """Make the serializer known to kombu under `NAME`; may be called again."""
    register(NAME, dumps, loads, content_type=CONTENT_TYPE, content_encoding="utf-8")
