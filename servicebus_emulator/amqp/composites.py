"""Composite types: dataclasses on our side, described lists on the wire (AMQP 1.0 types 1.4)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from servicebus_emulator.amqp.errors import AmqpError, DecodeError
from servicebus_emulator.amqp.types import (
    Array,
    Described,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)
from servicebus_emulator.plain_data import Value

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(slots=True, frozen=True, eq=False, repr=False)
class Kind(Value):
    """The AMQP type of a field.

    Attributes:
        read: wire value to plain Python; raises TypeError or ValueError when it is no such value.
        write: plain Python to a value that the codec encodes as this type.
        nullable: null is a value of the field although its dataclass gives no default.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    nullable: bool = False


class Schema(Generic[T]):
    """How a dataclass travels: its descriptor code and the kind of each field, in order."""

    def __init__(self, code: int, cls: type[T], /, **kinds: Kind) -> None:
        fields = dataclasses.fields(cls)  # type: ignore[arg-type] # every T here is a dataclass
        if [field.name for field in fields] != list(kinds):
            raise TypeError(f"kinds of {cls.__name__} do not follow its fields")
        self.code = code
        self.cls = cls
        self._kinds = kinds
        self._readers = [(name, kind.read) for name, kind in kinds.items()]
        self._without_default = {
            field.name
            for field in fields
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        }

    def describe(self, value: T) -> Described:
        """Turn an instance into its wire form, with every trailing field present.

        Clients read nested lists by position and do not pad them.
        """
        fields = []
        for name, kind in self._kinds.items():
            item = getattr(value, name)
            fields.append(None if item is None else kind.write(item))
        return Described(ULong(self.code), fields)

    def build(self, fields: Any) -> T:
        """Make an instance from the list on the wire; null and missing fields take defaults.

        Raises:
            DecodeError: no list, too many fields, a field of the wrong type, or a mandatory
                field that is null.
        """
        if not isinstance(fields, list) or len(fields) > len(self._kinds):
            raise DecodeError(f"{self.cls.__name__}: not a list of up to {len(self._kinds)}")
        values: dict[str, Any] = {}
        for (name, read), item in zip(self._readers, fields, strict=False):
            if item is not None:
                try:
                    values[name] = read(item)
                except (TypeError, ValueError) as error:
                    raise DecodeError(f"{self.cls.__name__}.{name}: {error}") from error
        if self._without_default:
            self._complete(values)
        return self.cls(**values)

    def _complete(self, values: dict[str, Any]) -> None:
        """Put null where that is a value; DecodeError where it is none."""
        for name in self._without_default - values.keys():
            if not self._kinds[name].nullable:
                raise DecodeError(f"{self.cls.__name__}: {name} is mandatory")
            values[name] = None

    def matches(self, value: Any) -> bool:
        """Tell whether a wire value is described as this type, by code or by nothing else."""
        return isinstance(value, Described) and value.descriptor == self.code

    def kind(self) -> Kind:
        """Use this composite as a field of another one."""
        return Kind(self._read_nested, self.describe)

    def _read_nested(self, value: Any) -> T:
        if not self.matches(value):
            raise TypeError(f"not a described {self.cls.__name__}")
        return self.build(value.value)


def nullable(kind: Kind) -> Kind:
    """Let null be a value of the field."""
    return dataclasses.replace(kind, nullable=True)


def _unsigned(kind: type[int], bits: int) -> Kind:
    def read(value: Any) -> int:
        # The width is not insisted on: a small number is the same number in any width.
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{type(value).__name__} is no {kind.__name__}")
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} is out of the range of {kind.__name__}")
        return int(value)

    return Kind(read, kind)


def _exactly(expected: type, write: Callable[[Any], Any]) -> Kind:
    def read(value: Any) -> Any:
        if not isinstance(value, expected):
            raise TypeError(f"{type(value).__name__} is no {expected.__name__}")
        return value

    return Kind(read, write)


def _same(value: Any) -> Any:
    return value


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} is no string")
    return str(value)


def _read_symbols(value: Any) -> tuple[str, ...]:
    """Read a field with multiple="true": one symbol or an array of them (types 1.4)."""
    items = value.items if isinstance(value, Array) else (value,)
    return tuple(_read_text(item) for item in items)


def _write_symbols(names: tuple[str, ...]) -> Array:
    return Array(Symbol, tuple(Symbol(name) for name in names))


def _read_timestamp(value: Any) -> int:
    if not isinstance(value, Timestamp):
        raise TypeError(f"{type(value).__name__} is no timestamp")
    return int(value)


UBYTE = _unsigned(UByte, 8)
USHORT = _unsigned(UShort, 16)
UINT = _unsigned(UInt, 32)
ULONG = _unsigned(ULong, 64)
BOOLEAN = _exactly(bool, bool)
BINARY = _exactly(bytes, bytes)
MAP = _exactly(dict, _same)
ANY = Kind(_same, _same)
DESCRIBED = _exactly(Described, _same)
STRING = Kind(_read_text, str)
SYMBOL = Kind(_read_text, Symbol)
SYMBOLS = Kind(_read_symbols, _write_symbols)
TIMESTAMP = Kind(_read_timestamp, Timestamp)

#: Always three fields, for clients that read the error by position.
ERROR = Schema(0x1D, AmqpError, condition=SYMBOL, description=STRING, info=MAP)
