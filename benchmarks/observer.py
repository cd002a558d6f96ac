"""How many messages a queue holds, asked of the broker's management API again and again."""

from __future__ import annotations

import http.client
import re
from typing import TYPE_CHECKING

from harness.admin import HttpAdmin, shared_access_signature

if TYPE_CHECKING:
    from harness.endpoints import Endpoints

_COUNT = re.compile(rb"<(?:\w+:)?MessageCount>(\d+)<")


class QueueObserver:
    """A queue of its own on the emulator, and one connection to ask about it.

    A message counts until it is settled, whether locked or not; one question takes about a
    millisecond, which is how exactly a settlement can be seen.
    """

    def __init__(self, endpoints: Endpoints, queue: str, *, create: bool = True) -> None:
        if create:
            HttpAdmin(endpoints).create_queue(queue, lock_seconds=300)
        host = f"{endpoints.namespace.rpartition(':')[0]}:{endpoints.admin_port}"
        self.name = queue
        self._path = f"/{queue}?api-version=2021-05"
        url = f"http://{host}{self._path}"
        self._endpoints = endpoints
        self._url = url
        self._connection = http.client.HTTPConnection(host, timeout=10)

    def messages(self) -> int:
        """How many are not settled yet."""
        token = shared_access_signature(self._url, self._endpoints.key_name, self._endpoints.key)
        self._connection.request("GET", self._path, headers={"Authorization": token})
        with self._connection.getresponse() as response:
            found = _COUNT.search(response.read())
        if found is None:
            raise RuntimeError("the management API does not tell a MessageCount")
        return int(found[1])
