"""AMQP values in Python.

null is `None`, boolean `bool`, long `int`, double `float`, binary `bytes`, string `str`, uuid
`uuid.UUID`, list `list`, map `dict`. Every other AMQP type has a class of its own here, a
subclass of its nearest Python type, so that a decoded value is encoded again as what it was.

Source: AMQP 1.0 types 1.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from servicebus_emulator.plain_data import Value

#: Limits of one value, the same in both directions, so that what is encoded can be decoded.
MAX_DEPTH: Final = 64
MAX_COUNT: Final = 65536
#: Items such as null take no bytes in an array, so its count alone decides what it costs.
MAX_EMPTY_ITEMS: Final = 256


class Symbol(str):
    """Symbolic value (ASCII), the `symbol` type."""

    __slots__ = ()


class Char(str):
    """A single Unicode character, the `char` type."""

    __slots__ = ()


class UByte(int):
    """Integer from 0 to 255."""

    __slots__ = ()


class UShort(int):
    """Integer from 0 to 2**16 - 1."""

    __slots__ = ()


class UInt(int):
    """Integer from 0 to 2**32 - 1."""

    __slots__ = ()


class ULong(int):
    """Integer from 0 to 2**64 - 1."""

    __slots__ = ()


class Byte(int):
    """Integer from -2**7 to 2**7 - 1."""

    __slots__ = ()


class Short(int):
    """Integer from -2**15 to 2**15 - 1."""

    __slots__ = ()


class Int(int):
    """Integer from -2**31 to 2**31 - 1. A plain `int` is the 64-bit `long`."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since the Unix epoch, UTC."""

    __slots__ = ()


class Float(float):
    """32-bit IEEE 754 number. A plain `float` is the 64-bit `double`."""

    __slots__ = ()


class Decimal32(bytes):
    """IEEE 754-2008 decimal32, kept as its 4 bytes."""

    __slots__ = ()


class Decimal64(bytes):
    """IEEE 754-2008 decimal64, kept as its 8 bytes."""

    __slots__ = ()


class Decimal128(bytes):
    """IEEE 754-2008 decimal128, kept as its 16 bytes."""

    __slots__ = ()


@dataclass(slots=True, frozen=True, eq=False, repr=False)
class Described(Value):
    """A value with a descriptor (types 1.1.2): usually a `ULong` code or a `Symbol`."""

    descriptor: Any
    value: Any


@dataclass(slots=True, frozen=True, eq=False, repr=False)
class Array(Value):
    """Values of one AMQP type (types 1.6.24).

    Attributes:
        element: the Python class of this module's mapping that all items have, e.g. `Symbol`,
            `uuid.UUID`, `int` for long, `type(None)` for null.
        items: the values, without a descriptor.
        descriptor: describes every item when the array holds described values, else None.
    """

    element: type
    items: tuple[Any, ...]
    descriptor: Any = None
