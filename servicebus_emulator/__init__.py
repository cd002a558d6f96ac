"""A Service Bus emulator in pure Python, for development and tests."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.broker.limits import PROFILES, Limits
from servicebus_emulator.clock import Clock, ManualClock, OffsetClock, SystemClock
from servicebus_emulator.server.emulator import ServiceBusEmulator

if TYPE_CHECKING:
    from servicebus_emulator.nodes.idleness import IdleLimits
    from servicebus_emulator.server.threaded import ThreadedEmulator

__all__ = [
    "PROFILES",
    "AccessKey",
    "Clock",
    "IdleLimits",
    "Limits",
    "ManualClock",
    "OffsetClock",
    "Right",
    "ServiceBusEmulator",
    "SystemClock",
    "ThreadedEmulator",
]

_HOMES = {
    "IdleLimits": "servicebus_emulator.nodes.idleness",
    "ThreadedEmulator": "servicebus_emulator.server.threaded",
}
"""Of the names that the emulator as a process does without."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
