import pytest

from harness.azure import VARIABLES, AzureStack, describe, read_endpoints
from harness.stack import StackUnavailableError
from tests.unit.harness.test_entities import RecordingAdmin

BLOBS = "DefaultEndpointsProtocol=https;AccountName=account;AccountKey=a2V5;"
SETTINGS = {
    "SERVICE_BUS_KEY_NAME": "manage",
    "SERVICE_BUS_KEY": "secret",
    "SERVICE_BUS_NAMESPACE": "my-namespace",
    "SERVICE_BUS_QUEUE_NAME": "jobs",
    "AZURE_BLOB_CONNECTION_STRING": BLOBS,
}


def test_the_five_variables_are_a_namespace_and_an_account() -> None:
    endpoints = read_endpoints(SETTINGS)

    assert endpoints.service_bus_connection_string == (
        "Endpoint=sb://my-namespace.servicebus.windows.net;SharedAccessKeyName=manage;"
        "SharedAccessKey=secret;"
    )
    assert endpoints.settings("q")["SERVICE_BUS_ADMIN_PORT"] == ""
    assert endpoints.blob_connection_string == BLOBS


@pytest.mark.parametrize("name", VARIABLES)
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(StackUnavailableError, match=f"^set {name}$"):
        read_endpoints({**SETTINGS, name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_BUS_NAMESPACE", "localhost:5672"),
        ("AZURE_BLOB_CONNECTION_STRING", "UseDevelopmentStorage=true"),
        ("AZURE_BLOB_CONNECTION_STRING", "AccountName=devstoreaccount1;AccountKey=k"),
    ],
)
def test_emulators_are_not_azure(name: str, value: str) -> None:
    with pytest.raises(StackUnavailableError, match=name):
        read_endpoints({**SETTINGS, name: value})


def test_the_header_says_where_and_what_it_costs_and_no_secret() -> None:
    header = describe(SETTINGS)

    assert "my-namespace.servicebus.windows.net" in header
    assert "USD" in header
    assert "secret" not in header
    assert "a2V5" not in header


def test_a_run_deletes_its_own_queues_and_containers_and_no_others() -> None:
    admin = RecordingAdmin()
    admin.queues["jobs"] = (60, 10, None)
    with AzureStack(SETTINGS, admin) as stack:
        queue = stack.entities.create_queue()
        container = stack.entities.name_container()
        assert queue.startswith(f"jobs-test-{stack.run}-")
        assert admin.queues[queue] == (60, 10, 60)  # minutes until it removes itself

    assert admin.queues == {"jobs": (60, 10, None)}
    assert admin.deleted_containers == [container]


def test_two_runs_share_no_name() -> None:
    assert AzureStack(SETTINGS, RecordingAdmin()).run != AzureStack(SETTINGS, RecordingAdmin()).run
