import pytest

from servicebus_emulator.broker.access import AccessKey
from servicebus_emulator.server.connection_string import connection_string


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        ("127.0.0.1", "sb://127.0.0.1:5672"),
        ("localhost", "sb://localhost:5672"),
        ("0.0.0.0", "sb://127.0.0.1:5672"),  # noqa: S104 (binds nothing)
        ("::", "sb://[::1]:5672"),
        ("::1", "sb://[::1]:5672"),
    ],
)
def test_a_connection_string_leads_to_where_the_emulator_listens(host: str, endpoint: str) -> None:
    assert connection_string(host, 5672, AccessKey("name", "key=")) == (
        f"Endpoint={endpoint};SharedAccessKeyName=name;SharedAccessKey=key=;"
        "UseDevelopmentEmulator=true;"
    )
