"""Starting and stopping, in a thread and in a loop: started means ready, stopped means gone."""

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest

from servicebus_emulator import ManualClock, ServiceBusEmulator, ThreadedEmulator
from servicebus_emulator.amqp import events
from tests.integration.emulator.raw_client import RawClient


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture
def threads() -> Callable[[], list[str]]:
    """Tells which threads `ThreadedEmulator` has started since; others' emulators may run still."""
    before = set(threading.enumerate())

    def since() -> list[str]:
        new = [thread.name for thread in threading.enumerate() if thread not in before]
        return [name for name in new if name == "servicebus-emulator"]

    return since


def test_a_started_emulator_accepts_clients_and_a_stopped_one_is_gone(
    threads: Callable[[], list[str]],
) -> None:
    with ThreadedEmulator(queues=["orders"]) as emulator:
        port = emulator.port
        started = is_open(port), f":{port};" in emulator.connection_string, threads()

    assert started == (True, True, ["servicebus-emulator"])
    assert (is_open(port), threads()) == (False, [])


def test_an_emulator_can_be_started_again_and_has_forgotten_everything() -> None:
    emulator = ThreadedEmulator()
    with emulator:
        emulator.create_queue("orders")
    with emulator:
        names = emulator.run(lambda running: running.namespace.list_queues())

    assert names == []


def test_a_port_that_is_taken_raises_where_it_was_started(
    threads: Callable[[], list[str]],
) -> None:
    with ThreadedEmulator() as first, pytest.raises(OSError, match="in use"):
        ThreadedEmulator(port=first.port).start()

    assert threads() == []


def test_a_wrong_option_raises_where_it_was_started() -> None:
    with pytest.raises(ValueError, match="Not JSON"):
        ThreadedEmulator(config="{").start()


def test_it_cannot_be_started_twice() -> None:
    with ThreadedEmulator() as emulator, pytest.raises(RuntimeError, match="already"):
        emulator.start()


def test_stopping_what_does_not_run_is_harmless() -> None:
    emulator = ThreadedEmulator()
    emulator.stop()

    with pytest.raises(RuntimeError, match="does not run"):
        _ = emulator.connection_string


def test_the_clock_is_the_one_that_was_given() -> None:
    clock = ManualClock(start=5.0)
    with ThreadedEmulator(clock=clock) as emulator:
        assert emulator.clock is clock
        clock.advance(1.0)
    clock.advance(1.0)  # nobody listens any more

    assert clock.now() == 7.0


def test_what_fails_in_the_emulators_thread_fails_here() -> None:
    with ThreadedEmulator() as emulator, pytest.raises(ZeroDivisionError):
        emulator.run(lambda _: 1 / 0)


def test_stopping_does_not_wait_for_clients_that_do_not_answer(
    threads: Callable[[], list[str]],
) -> None:
    emulator = ThreadedEmulator(queues=["orders"]).start()
    with RawClient(emulator.port), socket.create_connection(("127.0.0.1", emulator.port)):
        emulator.stop()

    assert threads() == []


async def test_an_emulator_runs_in_the_callers_event_loop() -> None:
    async with ServiceBusEmulator(queues=["orders"]) as emulator:
        seen: list[str] = []

        def talk() -> None:
            with RawClient(emulator.port) as client:
                client.send("orders", b"\x00\x53\x75\xa0\x01x")
                client.receiver("orders", credit=1)
                client.wait_for(events.DeliveryReceived)
                seen.append("delivered")

        await asyncio.to_thread(talk)
        port = emulator.port

    assert (seen, is_open(port)) == (["delivered"], False)
