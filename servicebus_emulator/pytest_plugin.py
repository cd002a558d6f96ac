"""A pytest plugin: an emulator for every test, as new, in milliseconds.

    def test_orders(servicebus_emulator):
        servicebus_emulator.create_queue("orders")
        with ServiceBusClient.from_connection_string(servicebus_emulator.connection_string) as …

One emulator runs for the whole test session, in a thread; after each test that used it, it is
reset. Override `servicebus_emulator_options` to start it with queues or a configuration.
Switch it on with `pytest_plugins = ["servicebus_emulator.pytest_plugin"]` in `conftest.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicebus_emulator.server.threaded import ThreadedEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicebus_emulator.server.emulator import EmulatorOptions


@pytest.fixture(scope="session")
def servicebus_emulator_options() -> EmulatorOptions:
    """The options of `ServiceBusEmulator`; none, unless it is overridden."""
    return {}


@pytest.fixture(scope="session")
def running_servicebus_emulator(
    servicebus_emulator_options: EmulatorOptions,
) -> Iterator[ThreadedEmulator]:
    """The emulator of the session; tests want `servicebus_emulator`."""
    with ThreadedEmulator(**servicebus_emulator_options) as emulator:
        yield emulator


@pytest.fixture
def servicebus_emulator(
    running_servicebus_emulator: ThreadedEmulator,
) -> Iterator[ThreadedEmulator]:
    """An emulator as it was started: no messages, no faults, the computer's time."""
    yield running_servicebus_emulator
    running_servicebus_emulator.control.reset()
