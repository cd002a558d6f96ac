"""The official SDK as a client, a servant.

    python -m benchmarks.sdk_client CONNECTION_STRING QUEUE

What it costs itself is what the emulator's cost is compared with.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

from azure.servicebus import ServiceBusClient, ServiceBusMessage

from benchmarks.servant import serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.servicebus import ServiceBusReceiver, ServiceBusSender

    from benchmarks.servant import Answer

_BODY = "x" * 500
_LIST = 100


def _measured(work: Callable[[], None]) -> Answer:
    cpu, begin = time.process_time(), time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu}


def send(sender: ServiceBusSender, *, count: int) -> Answer:
    """Send messages of 500 bytes, one after the other."""

    def work() -> None:
        for _ in range(count):
            sender.send_messages(ServiceBusMessage(_BODY))

    return _measured(work)


def send_lists(sender: ServiceBusSender, *, count: int) -> Answer:
    """Send messages in lists of a hundred."""

    def work() -> None:
        for _ in range(count // _LIST):
            sender.send_messages([ServiceBusMessage(_BODY) for _ in range(_LIST)])

    return _measured(work)


def receive(receiver: ServiceBusReceiver, *, count: int, at_once: int = 1) -> Answer:
    """Receive messages under a lock, one by one or in lists, and complete each."""

    def work() -> None:
        left = count
        while left:
            wanted = min(at_once, left)
            messages = receiver.receive_messages(max_message_count=wanted, max_wait_time=10)
            if not messages:
                raise RuntimeError(f"{left} messages did not come")
            for message in messages:
                receiver.complete_message(message)
                left -= 1

    return _measured(work)


def iterate(client: ServiceBusClient, queue: str, *, count: int) -> Answer:
    """Take messages under a lock from a receiver's iterator, and complete each."""
    with client.get_queue_receiver(queue, max_wait_time=10) as receiver:

        def work() -> None:
            left = count
            for _, message in zip(range(count), receiver, strict=False):
                receiver.complete_message(message)
                left -= 1
            if left:
                raise RuntimeError(f"{left} messages did not come")

        return _measured(work)


def main(connection_string: str, queue: str) -> None:
    """Send and receive whenever asked to."""
    logging.getLogger("azure").setLevel(logging.ERROR)
    with (
        ServiceBusClient.from_connection_string(connection_string) as client,
        client.get_queue_sender(queue) as sender,
        client.get_queue_receiver(queue) as receiver,
    ):
        serve(
            {
                "send": lambda count: send(sender, count=count),
                "send_lists": lambda count: send_lists(sender, count=count),
                "receive": lambda count: receive(receiver, count=count),
                "receive_lists": lambda count: receive(receiver, count=count, at_once=_LIST),
                "iterate": lambda count: iterate(client, queue, count=count),
            }
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
