"""A Service Bus emulator in pure Python, for development and tests."""

from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.broker.limits import PROFILES, Limits
from servicebus_emulator.clock import Clock, ManualClock, OffsetClock, SystemClock
from servicebus_emulator.nodes.idleness import IdleLimits
from servicebus_emulator.server.emulator import ServiceBusEmulator
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
