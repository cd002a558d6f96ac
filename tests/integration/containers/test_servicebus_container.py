"""The official emulator's container, with images that stand in for it and for SQL Server."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from harness.containers import CANARY_QUEUE, CONFIG
from harness.servicebus_container import (
    AMQP_PORT,
    EulaNotAcceptedError,
    ServiceBusEmulatorContainer,
)
from tests.integration.containers.conftest import EMULATOR_STAND_IN, SQL_STAND_IN, Labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("stand_ins")


@pytest.fixture
def label() -> str:
    return f"run-{uuid.uuid4().hex}"


def make_container(label: str, fault: str = "", timeout: int = 60) -> ServiceBusEmulatorContainer:
    return ServiceBusEmulatorContainer(
        CONFIG.read_text(),
        accept_eula=True,
        image=EMULATOR_STAND_IN,
        sql_image=SQL_STAND_IN,
        canary_queue=CANARY_QUEUE,
        startup_timeout=timeout,
        labels={label: ""},
    ).with_env("STAND_IN_FAULT", fault)


@pytest.fixture
def emulator(label: str, labelled: Labelled) -> Iterator[ServiceBusEmulatorContainer]:
    with make_container(label) as emulator:
        assert len(labelled(label)) == 3  # two containers and their network
        yield emulator
    assert labelled(label) == []


def test_a_message_comes_back_and_no_canary_is_left(
    emulator: ServiceBusEmulatorContainer,
) -> None:
    with (
        ServiceBusClient.from_connection_string(emulator.get_connection_string()) as client,
        client.get_queue_sender(CANARY_QUEUE) as sender,
        client.get_queue_receiver(CANARY_QUEUE, max_wait_time=10) as receiver,
    ):
        sender.send_messages(ServiceBusMessage(b"hello"))
        message = next(iter(receiver))
        assert b"".join(message.body) == b"hello"
        receiver.complete_message(message)


def test_ports_are_published_on_loopback_only(emulator: ServiceBusEmulatorContainer) -> None:
    wrapped = emulator.get_wrapped_container()
    wrapped.reload()
    bindings = [binding for found in wrapped.ports.values() for binding in found or ()]

    assert {int(binding["HostPort"]) for binding in bindings} == {
        emulator.get_exposed_port(AMQP_PORT),
        emulator.get_http_port(),
    }
    assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("ends", RuntimeError, "exited"),
        ("says nothing", TimeoutError, "Successfully Up"),
        ("takes no messages", TimeoutError, "no message goes through the queue celery"),
    ],
)
def test_an_emulator_that_is_not_ready_is_an_error_and_nothing_is_left(
    label: str, labelled: Labelled, fault: str, error: type[Exception], words: str
) -> None:
    container = make_container(label, fault, timeout=4)

    with pytest.raises(error, match=words):
        container.start()

    assert labelled(label) == []


def test_without_the_licences_nothing_is_made() -> None:
    with pytest.raises(EulaNotAcceptedError, match="ACCEPT_EULA=Y"):
        ServiceBusEmulatorContainer("{}", accept_eula=False)
