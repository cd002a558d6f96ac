from __future__ import annotations

import pytest

from servicebus_emulator.amqp.decoding import decode, decode_at, skip_at
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.types import MAX_COUNT, MAX_DEPTH, Array, UInt, ULong

WHOLE = [
    "50ff", "7000000100", "a0026162", "b00000000161", "a102c3a9", "a304616d7170",
    "c003024041", "d0000000060000000240 41", "c10502a1016140", "d1000000080000000240 a10161",
    "e00701b30000000161", "f00000000a00000001b30000000161", "00532445", "98" + "00" * 16,
    "723f800000", "94" + "00" * 16, "e00901" + "005305" + "7000000001",
]  # fmt: skip

MALFORMED = {
    "unknown constructor": "3f",
    "boolean neither true nor false": "5602",
    "string that is no UTF-8": "a101ff",
    "symbol that is no ASCII": "a301ff",
    "character beyond Unicode": "7300110000",
    "list ends before its items": "c0030141",
    "list longer than its items": "c0030140" + "4040",
    "list whose items run over its end": "c0030270000000",
    "list whose last item goes beyond its end": "c00302" + "7000000001" + "40",
    "array whose last item goes beyond its end": "e00302" + "70" + "0000000100000002",
    "size smaller than its own count": "d00000000100000000",
    "list of too many": "d0" + "00010005" + "00010001" + "40" * 65537,
    "map with a key and no value": "c1020140",
    "map with two equal keys": "c105044040 4040".replace(" ", ""),
    "map whose key is a list": "c103024540",
    "array of unknown": "e002013f",
    "array of described items without descriptor": "e00300003f",
    "array shorter than its items": "e0030370 00".replace(" ", ""),
    "array longer than its items": "e004015001 02".replace(" ", ""),
    "array of unknown, without items": "e002003f",
    "array of very many nulls": "f000000005" + "00000101" + "40",
    "descriptor without value": "005324",
}


@pytest.mark.parametrize("encoded", WHOLE)
def test_a_value_that_is_cut_off_anywhere_is_a_decode_error(encoded: str) -> None:
    data = bytes.fromhex(encoded)
    for size in range(len(data)):
        with pytest.raises(DecodeError):
            decode(data[:size])
        with pytest.raises(DecodeError):
            skip_at(data[:size], 0)


@pytest.mark.parametrize("encoded", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_bytes_are_a_decode_error(encoded: str) -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex(encoded))


def test_bytes_after_the_only_value_are_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="1 bytes follow"):
        decode(b"\x40\x40")


def test_an_unknown_constructor_cannot_be_skipped() -> None:
    for code in (0x3F, 0x46, 0x99, 0xC2):
        with pytest.raises(DecodeError):
            skip_at(bytes((code,)) + bytes(20), 0)


def test_a_described_value_is_skipped_with_its_descriptor() -> None:
    assert skip_at(bytes.fromhex("005324c0030240 41ff"), 0) == 8


def test_wide_forms_of_small_values_are_understood() -> None:
    assert decode(bytes.fromhex("7000000001")) == UInt(1)
    assert decode(bytes.fromhex("800000000000000001")) == ULong(1)
    assert decode(bytes.fromhex("f0000000050000000040")) == Array(type(None), ())
    assert decode_at(bytes.fromhex("d10000000400000000"), 0) == ({}, 9)


@pytest.mark.parametrize("shell", ["00a300", "c0ff01"])
def test_nesting_beyond_the_limit_is_a_decode_error(shell: str) -> None:
    with pytest.raises(DecodeError):
        decode(bytes.fromhex(shell * (MAX_DEPTH + 1) + "45"))


def test_nesting_up_to_the_limit_is_fine() -> None:
    assert decode(bytes.fromhex("00a300" * MAX_DEPTH + "40"))


def test_an_empty_list_counts_as_a_level() -> None:
    with pytest.raises(DecodeError, match="nested"):
        decode(bytes.fromhex("00a300" * MAX_DEPTH + "45"))


def test_a_list_may_have_as_many_items_as_the_limit_says() -> None:
    size = (MAX_COUNT + 4).to_bytes(4, "big") + MAX_COUNT.to_bytes(4, "big")
    assert len(decode(b"\xd0" + size + b"\x40" * MAX_COUNT)) == MAX_COUNT
