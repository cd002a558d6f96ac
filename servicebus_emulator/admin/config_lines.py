"""In which line of a JSON text a value stands."""

from __future__ import annotations

import json
import re

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def line_of(text: str, path: tuple[str | int, ...]) -> int:
    """The line, counted from 1, of the value at `path`; of its nearest parent if it is missing.

    Args:
        text: Valid JSON.
        path: Keys of objects and indexes of arrays, outermost first.
    """
    position = _skip(text, 0)
    for step in path:
        inner = _member(text, position, step)
        if inner is None:
            break
        position = inner
    return text.count("\n", 0, position) + 1


def _member(text: str, position: int, step: str | int) -> int | None:
    """Where the member of the object or array at `position` begins, None without such."""
    opening = text[position]
    if opening not in ("{" if isinstance(step, str) else "["):
        return None
    position = _skip(text, position + 1)
    index, found = 0, None
    while text[position] not in "]}":
        key: object = index
        if opening == "{":
            key, position = _DECODER.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)  # the colon
        if key == step:
            found = position  # of several with one name, the last one counts
        _, position = _DECODER.raw_decode(text, position)
        position = _skip(text, position)
        if text[position] == ",":
            position = _skip(text, position + 1)
        index += 1
    return found


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
