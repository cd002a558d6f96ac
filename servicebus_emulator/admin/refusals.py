"""What a client is told that may not manage: in the words of the service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from servicebus_emulator.broker.errors import EntityNotFound

if TYPE_CHECKING:
    from servicebus_emulator.broker.namespace import Namespace

_PART_OF_TOPIC = re.compile(
    r".+/Subscriptions(?P<one>/[^/]+)?(?P<rules>/Rules(?P<rule>/[^/]+)?)?", re.IGNORECASE
)
_CLAIMS = {"PUT": "Manage,EntityWrite", "DELETE": "Manage,EntityDelete"}
_VERBS = {"PUT": "CreateOrUpdate", "DELETE": "Delete"}


def refusal(method: str, path: str, namespace: Namespace) -> str | None:
    """Why a client may not have something.

    None for a queue or topic that is not there: of that everybody is told.

    Args:
        method: The HTTP method.
        path: The decoded path, without slashes at its ends.
        namespace: Where the entities are.
    """
    part = _PART_OF_TOPIC.fullmatch(path)
    if part is not None:
        return (
            "401 SubCode=40100: Unauthorized : Unauthorized access for "
            f"'{_operation(method, part)}' operation on endpoint '{path}'."
        )
    if method in _CLAIMS:
        return f"Authorization failed for specified action: {_CLAIMS[method]}."
    if not path.startswith("$"):
        try:
            namespace.get_entity(path)
        except EntityNotFound:
            return None
    return "Manage,EntityRead claims required for this operation."


def _operation(method: str, part: re.Match[str]) -> str:
    kind, one = ("Rule", part["rule"]) if part["rules"] else ("Subscription", part["one"])
    if method in _VERBS:
        return f"{_VERBS[method]}{kind}"
    return f"Get{kind}" if one else f"Enumerate{kind}s"
