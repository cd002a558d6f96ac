"""AMQP values to bytes and back: the public face of `encoding` and `decoding`."""

from servicebus_emulator.amqp.decoding import decode, decode_at, skip_at
from servicebus_emulator.amqp.encoding import encode, encode_into

__all__ = ["decode", "decode_at", "encode", "encode_into", "skip_at"]
