"""Queues and containers for tests: names of their own, and a list of what was made."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.error import HTTPError

if TYPE_CHECKING:
    from collections.abc import Callable


class Admin(Protocol):
    """Makes and removes; `harness.admin.HttpAdmin` is one."""

    def create_queue(
        self, name: str, *, lock_seconds: int, max_delivery_count: int, idle_minutes: int | None
    ) -> None:
        """Create a queue."""

    def delete_queue(self, name: str) -> None:
        """Delete a queue, if it is there."""

    def delete_container(self, name: str) -> None:
        """Delete a container, if it is there."""


class Entities:
    """Makes queues and names containers, each used by nobody else; can remove all of them.

    Args:
        admin: Does it.
        prefix: What names begin with (lower-case letters, digits, hyphens).
        queue_prefix: What queues' names begin with instead.
        idle_minutes: Queues remove themselves after so long without use; None for never.
    """

    def __init__(
        self,
        admin: Admin,
        prefix: str = "test",
        *,
        queue_prefix: str | None = None,
        idle_minutes: int | None = None,
    ) -> None:
        self._admin = admin
        self._prefix = prefix
        self._queue_prefix = queue_prefix or prefix
        self._idle_minutes = idle_minutes
        self.queues: list[str] = []
        self.containers: list[str] = []

    def create_queue(self, *, lock_seconds: int = 60, max_delivery_count: int = 10) -> str:
        """Create a queue; its name.

        Raises:
            urllib.error.HTTPError: The management API refuses.
        """
        name = f"{self._queue_prefix}-queue-{_unique()}"
        self.queues.append(name)  # first: a lost answer is no reason to leave a queue behind

        def create() -> None:
            self._admin.create_queue(
                name,
                lock_seconds=lock_seconds,
                max_delivery_count=max_delivery_count,
                idle_minutes=self._idle_minutes,
            )

        try:
            create()
        except HTTPError as error:
            if error.code != HTTPStatus.BAD_REQUEST or self._idle_minutes is None:
                raise
            self._idle_minutes = None  # the Basic tier has no AutoDeleteOnIdle
            create()
        return name

    def name_container(self) -> str:
        """A container's name; whoever writes first creates it."""
        name = f"{self._prefix}-container-{_unique()}"
        self.containers.append(name)
        return name

    def delete_queue(self, name: str) -> None:
        """Delete a queue before the others are."""
        self._admin.delete_queue(name)
        self.queues.remove(name)

    def delete_all(self) -> None:
        """Delete what is left; tries all, also when some cannot be deleted.

        Raises:
            ExceptionGroup: Some could not be deleted; it names them.
        """
        failures = [
            *_each(self.queues, self._admin.delete_queue),
            *_each(self.containers, self._admin.delete_container),
        ]
        if failures:
            raise ExceptionGroup("not everything could be deleted", failures)


def _each(names: list[str], delete: Callable[[str], None]) -> list[Exception]:
    """Delete each, and take it off the list; what went wrong."""
    failures: list[Exception] = []
    for name in tuple(names):
        try:
            delete(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are tried too
            error.add_note(f"{name} is left.")
            failures.append(error)
        else:
            names.remove(name)
    return failures


def _unique() -> str:
    return uuid.uuid4().hex[:20]
