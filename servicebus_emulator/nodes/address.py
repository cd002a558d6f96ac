"""From what clients write as an address to the path of an entity.

The SDKs disagree: Python sends `amqps://host:port/queue` on links and `sb://host:port/queue` as the
audience, Node a bare `queue`, the admin clients sign `https://host:port`. Only the path matters.
"""

from __future__ import annotations

from urllib.parse import unquote

MANAGEMENT_NODE = "$management"


def entity_path(address: str) -> str:
    """The entity path in an address: no scheme, no host, no slashes around it, percent-decoded."""
    _, separator, rest = address.partition("://")
    if separator:
        _, _, path = rest.partition("/")
    else:
        path = address
    path, _, _ = path.partition("?")
    return unquote(path).strip("/")


def management_of(path: str) -> str | None:
    """The entity whose management node `path` names, None when it names something else."""
    entity, _, last = path.rpartition("/")
    return entity if entity and last.casefold() == MANAGEMENT_NODE else None


def is_at_or_below(path: str, root: str) -> bool:
    """Whether `path` is `root` or lies under it, ignoring case; the empty root holds everything."""
    path, root = path.casefold(), root.casefold()
    return not root or path == root or path.startswith(root + "/")
