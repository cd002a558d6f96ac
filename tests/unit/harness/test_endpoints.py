from dataclasses import FrozenInstanceError

import pytest

from harness.admin import HttpAdmin
from harness.endpoints import Endpoints
from harness.entities import Entities
from harness.pytest_plugin import BlobStorage, ServiceBus

ENDPOINTS = Endpoints("127.0.0.1:5672", 5672, "Root", "key=", "blobs")


def test_names_each_setting_of_the_product() -> None:
    assert ENDPOINTS.settings("jobs", "results") == {
        "SERVICE_BUS_KEY_NAME": "Root",
        "SERVICE_BUS_KEY": "key=",
        "SERVICE_BUS_NAMESPACE": "127.0.0.1:5672",
        "SERVICE_BUS_QUEUE_NAME": "jobs",
        "AZURE_BLOB_CONNECTION_STRING": "blobs",
        "SERVICE_BUS_ADMIN_PORT": "",
        "BLOB_CONTAINER_NAME": "results",
    }


def test_the_first_five_settings_are_those_that_are_required() -> None:
    assert list(ENDPOINTS.settings("jobs"))[:5] == [
        "SERVICE_BUS_KEY_NAME",
        "SERVICE_BUS_KEY",
        "SERVICE_BUS_NAMESPACE",
        "SERVICE_BUS_QUEUE_NAME",
        "AZURE_BLOB_CONNECTION_STRING",
    ]


def test_the_connection_string_tells_sdks_that_it_is_an_emulator() -> None:
    assert ENDPOINTS.service_bus_connection_string == (
        "Endpoint=sb://127.0.0.1:5672;SharedAccessKeyName=Root;SharedAccessKey=key=;"
        "UseDevelopmentEmulator=true;"
    )


def test_the_broker_url_escapes_what_a_key_may_hold() -> None:
    place = Endpoints("127.0.0.1:5672", 5672, "Root", "a/b+c=", "blobs")

    assert place.broker_url == "azureservicebus://Root:a%2Fb%2Bc%3D@127.0.0.1:5672"


def test_a_second_port_of_an_emulator_is_a_setting() -> None:
    place = Endpoints("127.0.0.1:5672", 5300, "Root", "key=", "blobs")

    assert place.settings("jobs")["SERVICE_BUS_ADMIN_PORT"] == "5300"


def test_the_cloud_is_no_emulator() -> None:
    cloud = Endpoints("my.servicebus.windows.net", None, "Root", "key=", "blobs")

    assert "UseDevelopmentEmulator" not in cloud.service_bus_connection_string
    assert cloud.settings("jobs")["SERVICE_BUS_ADMIN_PORT"] == ""


def test_endpoints_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        ENDPOINTS.key = "other"  # type: ignore[misc] # that is the test


def test_what_pytest_shows_of_a_failed_test_has_no_secret() -> None:
    endpoints = Endpoints("ns.servicebus.windows.net", None, "name", "s3cret", "AccountKey=s3cret")
    entities = Entities(HttpAdmin(endpoints))
    for given in (
        endpoints,
        endpoints.settings("jobs"),
        ServiceBus(endpoints, entities),
        BlobStorage(endpoints.blob_connection_string, entities),
        entities,
    ):
        assert "s3cret" not in repr(given)
    assert endpoints.settings("jobs")["SERVICE_BUS_KEY"] == "s3cret"
