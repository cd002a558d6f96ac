"""A pipelined client on a bare socket: `python -m benchmarks.raw_sender PORT QUEUE`, a servant.

It sends before the answers to earlier transfers have come, so it shows what the emulator can take
where the SDK, which waits for each answer, would be the bottleneck.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from benchmarks.servant import serve
from servicebus_emulator.amqp.events import DispositionReceived
from servicebus_emulator.amqp.outcomes import Accepted
from servicebus_emulator.nodes.message_mapping import BATCH_FORMAT
from tests.integration.emulator.raw_client import RawClient

if TYPE_CHECKING:
    from benchmarks.servant import Answer
    from servicebus_emulator.amqp.link import Link

BATCH = 100
_AHEAD = 16
"""Batches on the way at the same time."""


def data_section(content: bytes) -> bytes:
    """A body of bytes (AMQP 1.0, part 3.2.6: described by 0x75, binary)."""
    return b"\x00\x53\x75\xb0" + len(content).to_bytes(4, "big") + content


def batch_of(body_bytes: int) -> bytes:
    """A hundred equal messages, as the payload of a batch transfer."""
    message = data_section(b"x" * body_bytes)
    return data_section(message) * BATCH


def send_batches(client: RawClient, link: Link, *, batches: int, body_bytes: int) -> Answer:
    """Send batches of a hundred messages and wait until all are accepted.

    Returns:
        `seconds` by the wall clock and `cpu` seconds of this client.
    """
    payload = batch_of(body_bytes)
    cpu, begin = time.process_time(), time.perf_counter()
    sent = accepted = 0

    def count_answers() -> None:
        nonlocal accepted
        for event in client.taken(DispositionReceived):
            if event.outcome != Accepted():
                raise RuntimeError(f"a batch was not accepted: {event.outcome}")
            accepted += len(event.deliveries)

    def may_send() -> bool:
        count_answers()
        return link.credit > 0 and sent - accepted < _AHEAD

    def is_done() -> bool:
        count_answers()
        return accepted == batches

    while sent < batches:
        link.send(payload, delivery_tag=sent.to_bytes(4, "big"), message_format=BATCH_FORMAT)
        sent += 1
        if sent < batches:
            client.until(may_send)
    client.until(is_done)
    return {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}


def main(port: str, queue: str) -> None:
    """Send whenever asked to."""
    with RawClient(int(port)) as client:
        link = client.sender(queue)
        serve({"send_batches": lambda **wanted: send_batches(client, link, **wanted)})


if __name__ == "__main__":
    main(*sys.argv[1:])
