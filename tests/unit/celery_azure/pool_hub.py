"""An event loop for a pool, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Hub:
    """Stands for kombu's event loop."""

    consolidate_callback: Any

    def __init__(self) -> None:
        self.readers: dict[int, Any] = {}
        self.writers: dict[int, Any] = {}
        self.removals: list[int] = []
        self.later: list[float] = []
        self.soon: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def add(self, *_: object, **__: object) -> None:
        """Nothing waits."""

    remove = add

    def add_reader(self, fd: int, callback: Any, *arguments: Any) -> None:
        self.readers[fd] = callback, arguments

    def remove_reader(self, fd: int) -> None:
        self.readers.pop(fd, None)

    def add_writer(self, fd: int, callback: Any) -> None:
        self.writers[fd] = callback, ()

    def remove_writer(self, fd: int) -> None:
        self.removals.append(fd)
        self.writers.pop(fd)

    def call_soon(self, callback: Callable[..., object], *arguments: Any) -> None:
        self.soon.append((callback, arguments))

    def call_later(self, delay: float, callback: Callable[..., object], *arguments: Any) -> None:
        self.later.append(delay)
        self.soon.append((callback, arguments))
