"""What dataclasses have in common: their equality, and how they print.

`dataclass` would write both as text and compile it, for each class anew at each start, which with
the emulator's many classes was a good part of its start. Use it as
`@dataclass(slots=True, eq=False, repr=False)`, with `frozen=True` for a `Value`.
"""

from __future__ import annotations

from dataclasses import fields
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from dataclasses import Field


class Record:
    """A dataclass that is equal to another of its class with equal fields."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or type(other) is not type(self):
            return NotImplemented
        return _compared(self) == _compared(other)

    __hash__ = None  # type: ignore[assignment] # as a dataclass that may change

    @recursive_repr()
    def __repr__(self) -> str:
        shown = [f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr]
        return f"{type(self).__qualname__}({', '.join(shown)})"


class Value(Record):
    """A record that never changes, and so has a hash."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(_compared(self))


def _compared(record: Record) -> tuple[Any, ...]:
    return tuple(getattr(record, each.name) for each in fields(record) if each.compare)
