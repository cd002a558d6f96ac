"""The azure stack, played on the emulators: what it makes is there, and then it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.error import HTTPError

import pytest
from azure.servicebus import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusError
from azure.storage.blob import BlobServiceClient

from harness.admin import HttpAdmin
from harness.azure import AzureStack
from harness.endpoints import Endpoints

if TYPE_CHECKING:
    from harness.stack import Stack

SETTINGS = {
    "SERVICE_BUS_KEY_NAME": "manage",
    "SERVICE_BUS_KEY": "a2V5",
    "SERVICE_BUS_NAMESPACE": "my-namespace",
    "SERVICE_BUS_QUEUE_NAME": "jobs",
    "AZURE_BLOB_CONNECTION_STRING": "AccountName=account;AccountKey=a2V5",
}


def test_what_a_run_makes_is_there_and_all_of_it_is_deleted(stack: Stack) -> None:
    place = stack.endpoints
    with (
        ServiceBusClient.from_connection_string(
            place.service_bus_connection_string, retry_total=0
        ) as client,
        BlobServiceClient.from_connection_string(place.blob_connection_string) as blobs,
    ):
        with AzureStack(SETTINGS, HttpAdmin(place)) as azure:
            queue, container = azure.entities.create_queue(), azure.entities.name_container()
            blobs.create_container(container)
            with client.get_queue_receiver(queue) as receiver:
                assert receiver.peek_messages() == []

        with (
            pytest.raises(ServiceBusError),
            client.get_queue_receiver(queue) as receiver,
        ):
            receiver.peek_messages()
        assert not blobs.get_container_client(container).exists()


def test_a_key_that_may_not_manage_is_told_so(stack: Stack) -> None:
    place = stack.endpoints
    stranger = Endpoints(place.namespace, place.admin_port, "stranger", "a2V5", "")

    with pytest.raises(HTTPError) as caught:
        HttpAdmin(stranger).create_queue("none")

    assert caught.value.__notes__ == ["The key needs the Manage right."]
