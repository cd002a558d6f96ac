"""Ways to spoil an input: of any bytes, and of AMQP streams frame by frame."""

import random
import struct
from collections.abc import Callable, Sequence

_SIZE = struct.Struct(">I")
_HEADER_SIZE = 8
_LARGEST_UNIT = 1 << 20
_LARGEST_INPUT = 16 * 1024
# Constructors of AMQP types, and bytes at the edges of numbers.
_TELLING = bytes.fromhex("00 01 7f 80 ff 40 41 42 43 44 45 50 53 56 70 80 81 83 98 a0 a1 a3 b0 b1")
_TELLING += bytes.fromhex("b3 c0 c1 d0 d1 e0 f0")

Mutation = Callable[[random.Random, bytes], bytes]


def mutate(chance: random.Random, data: bytes, others: Sequence[bytes], *, framed: bool) -> bytes:
    """Spoil an input a few times; `others` lend pieces."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 8))):
        if framed and chance.random() < 0.8:
            data = _mutate_units(chance, data, others)
        else:
            data = chance.choice(_MUTATIONS)(chance, data)
    return data[:_LARGEST_INPUT]


def units(data: bytes) -> list[bytes]:
    """An AMQP stream cut into protocol headers and frames; the rest that is neither, last."""
    found, position = list[bytes](), 0
    while len(data) - position >= _HEADER_SIZE:
        size = _HEADER_SIZE
        if not data.startswith(b"AMQP", position):
            (size,) = _SIZE.unpack_from(data, position)
        if not _HEADER_SIZE <= size <= min(_LARGEST_UNIT, len(data) - position):
            break
        found.append(data[position : position + size])
        position += size
    if position < len(data):
        found.append(data[position:])
    return found


def _mutate_units(chance: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    found = units(data)
    if not found:
        return data
    index = chance.randrange(len(found))
    unit = found[index]
    match chance.randrange(9):
        case 0:
            found.insert(chance.randrange(len(found) + 1), unit)
        case 1:
            del found[index]
        case 2:
            other = chance.randrange(len(found))
            found[index], found[other] = found[other], found[index]
        case 3:
            lent = units(chance.choice(others))
            found.insert(index, chance.choice(lent) if lent else b"")
        case 4:
            found[index] = unit * chance.choice((2, 10, 60))
        case 5:
            channel = struct.pack(">H", chance.choice((0, 1, 255, 256, 65535)))
            found[index] = unit[:6] + channel + unit[8:]
        case 6:
            found[index] = unit[:5] + bytes([chance.choice((0, 1, 2, 255))]) + unit[6:]
        case 7:
            size = chance.choice((0, 7, 8, 9, 65536, 65537, 1 << 31, (1 << 32) - 1))
            found[index] = _SIZE.pack(size) + unit[4:]
        case _:
            body = chance.choice(_MUTATIONS)(chance, unit[_HEADER_SIZE:])
            found[index] = _SIZE.pack(len(body) + _HEADER_SIZE) + unit[4:_HEADER_SIZE] + body
    return b"".join(found)


def _flip(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _overwrite(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.choice(_TELLING)]) + data[at + 1 :]


def _insert(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    rubbish = bytes(chance.choice(_TELLING) for _ in range(chance.randint(1, 8)))
    return data[:at] + rubbish + data[at:]


def _cut(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + data[at + chance.randint(1, 8) :]


def _truncate(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _repeat(chance: random.Random, data: bytes) -> bytes:
    start = chance.randrange(len(data) + 1)
    piece = data[start : start + chance.randint(1, 16)]
    return data[:start] + piece * chance.choice((2, 8, 100)) + data[start:]


def _count(chance: random.Random, data: bytes) -> bytes:
    """Write a number that is far too large where a length or count may stand."""
    at = chance.randrange(len(data) + 1)
    number = chance.choice((b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"))
    return data[:at] + number + data[at + len(number) :]


_MUTATIONS: tuple[Mutation, ...] = (
    _flip,
    _overwrite,
    _insert,
    _cut,
    _truncate,
    _repeat,
    _count,
)
