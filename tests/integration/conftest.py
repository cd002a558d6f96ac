"""Which tests run on the embedded stack only; and what the SDK does differently in tests."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from azure.servicebus._pyamqp.client import ReceiveClient

from harness.pytest_plugin import EMBEDDED_ONLY

HERE = Path(__file__).parent
CHAOS = HERE / "chaos"  # starts, stops and kills emulators of its own
CONTAINERS = HERE / "containers"  # is about containers

_HASTE = 20
_SLEEPERS = {
    "_servicebus_receiver": time,
    "_servicebus_sender": time,
    "_pyamqp.client": time,
    "aio._servicebus_receiver_async": asyncio,
    "aio._servicebus_sender_async": asyncio,
    "_pyamqp.aio._client_async": asyncio,
}


class _Hasty:
    """A module whose `sleep` takes a twentieth of what it is told."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)

    def sleep(self, seconds: float) -> Any:
        return self._module.sleep(seconds / _HASTE)


@pytest.fixture(scope="session", autouse=True)
def hasty_sdk() -> Iterator[None]:
    """Let the SDK look more often than each second or 50 ms whether it may open or close."""
    with pytest.MonkeyPatch.context() as patch:
        for sleeper, module in _SLEEPERS.items():
            patch.setattr(f"azure.servicebus.{sleeper}.{module.__name__}", _Hasty(module))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_reader() -> Iterator[None]:
    """Let nobody read a receiver's frames beside the thread that receives.

    Each five seconds the SDK does so in a thread of its own, to keep idle connections. The two
    share what they know of the delivery that they read: now and then a message is taken for the
    one before it, and to complete both ends in MessageLockLostError.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReceiveClient, "_keep_alive", lambda _client: None)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        needs_stack = "stack" in getattr(item, "fixturenames", ())
        if item.path.is_relative_to(CONTAINERS):
            continue
        if not needs_stack or item.path.is_relative_to(CHAOS):
            item.add_marker(EMBEDDED_ONLY)
