"""Whoever is to be told is told, whatever goes wrong with telling others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def call_each(calls: Iterable[Callable[[], object]]) -> None:
    """Make every call.

    Raises:
        Exception: What the first of those has raised that failed, when all have been made.
    """
    failures: list[Exception] = []
    for call in calls:
        try:
            call()
        except Exception as failure:  # noqa: BLE001 - raised below
            failures.append(failure)
    if failures:
        raise failures[0]
