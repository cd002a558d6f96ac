"""Composite types: what a descriptor names, and whether its fields hold what they may hold.

Source: OASIS AMQP 1.0, 1.3.4 (descriptors are numbers or symbols) and 1.4 (composite types).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from celery_azure.amqp.codec import CodecError, Described
from celery_azure.amqp.decoder import decode

if TYPE_CHECKING:
    from collections.abc import Iterable

_SMALL_DESCRIPTOR = b"\x00\x53"


class Kind(NamedTuple):
    """What a field may hold: Python types as the decoder gives them, and the largest number."""

    types: tuple[type, ...]
    most: int | None = None


TEXT, BINARY, FLAG = Kind((str,)), Kind((bytes,)), Kind((bool,))
UBYTE, USHORT, UINT = Kind((int,), 0xFF), Kind((int,), 0xFFFF), Kind((int,), 0xFFFFFFFF)
ULONG = Kind((int,), 0xFFFFFFFFFFFFFFFF)
MAP, DESCRIBED, SYMBOLS = Kind((dict,)), Kind((Described,)), Kind((str, list))
ANYTHING: Kind | None = None
"""Of a field that nobody reads."""


class Composite:
    """A composite type.

    Args:
        code: The number of its descriptor.
        name: The symbol that stands for the same, such as `amqp:open:list`.
        fields: Their names and kinds, in order; those behind the last are not looked at.
        needed: The names of those that may not be missing.
    """

    __slots__ = ("_fields", "_needed", "code", "name")

    def __init__(
        self, code: int, name: str, fields: dict[str, Kind | None], needed: Iterable[str] = ()
    ) -> None:
        self.code = code
        self.name = name
        self._fields = [(*(kind or (None, None)), field) for field, kind in fields.items()]
        order = list(fields)
        self._needed = [(order.index(field), field) for field in needed]

    def check(self, values: Any) -> list[Any]:
        """The fields.

        Raises:
            CodecError: They are no list, one of them holds something else, or one is missing.
        """
        if type(values) is not list:
            raise CodecError(f"{self.name} is no list")
        # Not `strict`: fields at the end may be left out, and those of a later version follow.
        for value, (types, most, field) in zip(values, self._fields, strict=False):
            if value is None or types is None:
                continue
            if type(value) not in types or (most is not None and not 0 <= value <= most):
                raise CodecError(f"{self.name} with a wrong {field}")
        count = len(values)
        for index, field in self._needed:
            if index >= count or values[index] is None:
                raise CodecError(f"{self.name} without {field}")
        return values


class Catalogue:
    """Finds what a descriptor names, whichever way it is written.

    Args:
        names: The symbols that stand for the numbers.
        missing: What is wrong with a value that has no descriptor.
    """

    def __init__(self, names: dict[int, str], missing: str = "") -> None:
        self._missing = missing
        self._codes: dict[Any, int] = {code: code for code in names}
        self._codes.update({name: code for code, name in names.items()})

    def read(self, data: bytes, at: int) -> tuple[int, Any, int]:
        """What stands at an offset: the number of its descriptor, the value, and what is behind.

        Raises:
            CodecError: It has no descriptor, or that is none of these.
        """
        if data.startswith(_SMALL_DESCRIPTOR, at):  # as nearly every one
            value, behind = decode(data, at + 3)
            code = data[at + 2]
            return code if code in self._codes else self.code(code), value, behind
        described, behind = decode(data, at)
        if type(described) is not Described:
            raise CodecError(self._missing)
        return self.code(described.descriptor), described.value, behind

    def code(self, descriptor: Any) -> int:
        """The number of a descriptor.

        Raises:
            CodecError: It is none of these.
        """
        kind = type(descriptor)
        code = self._codes.get(descriptor) if kind is int or kind is str else None
        if code is None:
            raise CodecError(f"an unknown descriptor: {_shown(descriptor)}")
        return code


def _shown(descriptor: Any) -> str:
    if type(descriptor) is int:
        return f"0x{descriptor:x}"
    return repr(descriptor[:40]) if isinstance(descriptor, str) else type(descriptor).__name__
