"""The emulator's own fixture: as new for each test, within milliseconds."""

import time

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from servicebus_emulator import ThreadedEmulator
from servicebus_emulator.server.emulator import EmulatorOptions

pytest_plugins = ["servicebus_emulator.pytest_plugin"]


@pytest.fixture(scope="session")
def servicebus_emulator_options() -> EmulatorOptions:
    return {"queues": ["orders"]}


def send(emulator: ThreadedEmulator) -> None:
    with (
        ServiceBusClient.from_connection_string(emulator.connection_string) as client,
        client.get_queue_sender("orders") as sender,
    ):
        sender.send_messages(ServiceBusMessage("a"))


@pytest.mark.parametrize("_time", [1, 2])
def test_each_test_has_an_emulator_as_new(
    servicebus_emulator: ThreadedEmulator, _time: int
) -> None:
    [orders] = servicebus_emulator.control.entities()
    send(servicebus_emulator)
    servicebus_emulator.create_queue("more")
    servicebus_emulator.control.inject("send", "refuse")

    assert orders["active"] == 0
    assert servicebus_emulator.control.faults() != []
    [message] = servicebus_emulator.control.messages("orders")
    assert message["body"] == "a"


def test_a_reset_costs_milliseconds(servicebus_emulator: ThreadedEmulator) -> None:
    begin = time.process_time()  # what others do on the machine does not count
    for _ in range(100):
        servicebus_emulator.control.reset()

    assert (time.process_time() - begin) / 100 < 0.01
