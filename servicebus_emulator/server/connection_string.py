"""The connection string that clients paste."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicebus_emulator.broker.access import AccessKey

# Addresses that mean "every interface" are none that a client could connect to.
_WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (binds nothing)


def connection_string(host: str, port: int, key: AccessKey) -> str:
    """A connection string in the form that all Service Bus SDKs read.

    Args:
        host: The address that the emulator listens on.
        port: The port that is open.
        key: Its name and value become part of the text.
    """
    reachable = _WILDCARDS.get(host, host)
    if ":" in reachable:
        reachable = f"[{reachable}]"
    return (
        f"Endpoint=sb://{reachable}:{port};SharedAccessKeyName={key.name};"
        f"SharedAccessKey={key.key};UseDevelopmentEmulator=true;"
    )
