"""Faults on real sockets, judged by the SDK and by a client that sees every frame."""

import asyncio
import contextlib
import gc
import http.client
import json
import time
from collections.abc import Iterator

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import (
    MessageLockLostError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from servicebus_emulator import IdleLimits, OffsetClock, ServiceBusEmulator, ThreadedEmulator
from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.performatives import SENDER, Source, Target
from tests.integration.emulator.conftest import LineMaker
from tests.integration.emulator.line import LONG, Line
from tests.integration.emulator.raw_client import RawClient

MESSAGE = b"\x00\x53\x75\xa0\x01a"  # a body of one byte


# The SDK forgets to close the socket of a connection that it lost.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def mended(emulator: ThreadedEmulator) -> Iterator[None]:
    yield
    emulator.control.clear_faults()
    gc.collect()  # the forgotten sockets, while their warnings are expected


def test_a_throttled_sdk_says_so_and_gets_through_later(
    line: Line, emulator: ThreadedEmulator
) -> None:
    with emulator.control.fault("send", "throttle", entity=line.queue, times=1) as fault:
        with pytest.raises(ServiceBusServerBusyError):
            line.send("a")
        line.send("b")

    assert fault.hits == 1
    assert str(line.take_one()) == "b"


def test_an_sdk_that_tries_again_does_not_notice_a_lost_connection(
    emulator: ThreadedEmulator, line: Line
) -> None:
    with (
        ServiceBusClient.from_connection_string(
            emulator.connection_string, retry_backoff_factor=0.01
        ) as client,
        client.get_queue_sender(line.queue) as sender,
        emulator.control.fault("send", "drop", entity=line.queue, times=1) as fault,
    ):
        sender.send_messages(ServiceBusMessage("a"))

    assert fault.hits == 1
    assert str(line.take_one()) == "a"


def test_an_answer_that_is_lost_makes_the_sdk_send_twice(
    emulator: ThreadedEmulator, line: Line
) -> None:
    with (
        ServiceBusClient.from_connection_string(
            emulator.connection_string, retry_backoff_factor=0.01
        ) as client,
        client.get_queue_sender(line.queue) as sender,
        emulator.control.fault("send", "drop", stage="after", entity=line.queue, times=1),
    ):
        sender.send_messages(ServiceBusMessage("a"))

    assert [str(message) for message in line.take(2)] == ["a", "a"]


def test_a_lost_lock_is_what_the_sdk_calls_it(line: Line, emulator: ThreadedEmulator) -> None:
    line.send("a")
    message = line.receive_one()
    emulator.control.inject("now", "lose-lock", entity=line.queue)
    with pytest.raises(MessageLockLostError):
        line.receiver.complete_message(message)

    assert line.take_one().delivery_count == 1


def test_the_sdk_is_told_when_its_links_are_detached(
    open_line: LineMaker, emulator: ThreadedEmulator
) -> None:
    line = open_line()
    emulator.control.inject("now", "detach", entity=line.queue)
    with pytest.raises(ServiceBusConnectionError):
        line.send("a")
    with pytest.raises(ServiceBusConnectionError, match="detached by a fault"):
        line.receiver.receive_messages(1, max_wait_time=LONG)
    line.send("b")

    assert str(line.take_one()) == "b"


def test_a_connection_breaks_after_so_many_frames(emulator: ThreadedEmulator, queue: str) -> None:
    with RawClient(emulator.port) as client:
        emulator.control.inject("frame", "drop", connection="raw", after=2)
        client.sender(queue)  # answered by attach and flow
        client.session.attach("b", SENDER, source=Source("raw"), target=Target(queue))
        client.flush()

        with contextlib.suppress(ConnectionResetError):
            assert client.socket.recv(65536) == b""


def test_a_half_open_connection_is_silent(emulator: ThreadedEmulator, queue: str) -> None:
    with RawClient(emulator.port) as client, RawClient(emulator.port) as other:
        link = client.sender(queue)
        emulator.control.inject("now", "half-open", link=link.name)
        other.send(queue, MESSAGE)
        link.send(MESSAGE, delivery_tag=b"1")
        client.flush()
        client.socket.settimeout(0.1)

        with pytest.raises(TimeoutError):
            client.socket.recv(1)


def test_a_corrupt_frame_is_noticed_and_others_are_well(
    emulator: ThreadedEmulator, queue: str
) -> None:
    with RawClient(emulator.port) as client, RawClient(emulator.port) as other:
        with emulator.control.fault("frame", "corrupt", times=1, seed=0) as fault:
            client.session.attach("a", SENDER, source=None, target=None)
            client.flush()
            client.connection.receive_data(client.socket.recv(65536), 0.0)
        other.send(queue, MESSAGE)

        assert fault.hits == 1


def test_a_slow_network_makes_everything_take_its_time(
    emulator: ThreadedEmulator, queue: str
) -> None:
    with RawClient(emulator.port) as client:
        link = client.sender(queue)
        with emulator.control.fault("network", "delay", delay=0.1) as fault:
            begin = time.monotonic()
            link.send(MESSAGE, delivery_tag=b"1")
            client.wait_for(events.DispositionReceived)

        assert time.monotonic() - begin >= 0.15  # twice; clocks may be coarse
        assert fault.hits == 2


def test_a_slow_goodbye_arrives(emulator: ThreadedEmulator) -> None:
    with RawClient(emulator.port) as client:
        with emulator.control.fault("network", "delay", delay=0.01):
            client.connection.close()
            client.wait_for(events.ConnectionClosed)

        assert client.socket.recv(1) == b""


def test_ten_idle_minutes_pass_in_a_moment() -> None:
    clock = OffsetClock()
    clock.freeze()
    with (
        ThreadedEmulator(queues=["orders"], idle_limits=IdleLimits(), clock=clock) as emulator,
        RawClient(emulator.port) as client,
    ):
        client.sender("orders")
        emulator.control.advance(600)
        client.wait_for(events.LinkDetached)
        moved = emulator.control.advance_to_next()
        client.wait_for(events.ConnectionClosed)

        assert moved == pytest.approx(300)


def ask(
    port: int, method: str, path: str, document: object = None
) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, None if document is None else json.dumps(document))
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    finally:
        connection.close()


def test_faults_and_clock_are_controlled_over_http(line: Line, emulator: ThreadedEmulator) -> None:
    fault = {"operation": "send", "action": "refuse", "entity": line.queue, "times": 1}
    status, added = ask(emulator.port, "POST", "/emulator/faults", fault)
    with pytest.raises(ServiceBusError):
        line.send("a")
    _, told = ask(emulator.port, "GET", f"/emulator/faults/{added['id']}")
    _, before = ask(emulator.port, "GET", "/emulator/clock")
    _, after = ask(emulator.port, "POST", "/emulator/clock/advance?seconds=3600")

    assert (status, told["hits"]) == (201, 1)
    assert float(str(after["epoch"])) - float(str(before["epoch"])) >= 3600


async def test_the_clock_stands_still_for_an_emulator_on_the_same_loop() -> None:
    async with ServiceBusEmulator(clock=OffsetClock()) as emulator:
        emulator.control.freeze()
        before = emulator.control.now()
        await asyncio.sleep(0.002)

        assert emulator.control.now() == before
        emulator.control.unfreeze()
