"""Values of properties as AMQP carries them and as rules see them, for which AMQP has fewer types.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide; a
duration is described as the SDKs for .NET and Java do it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from servicebus_emulator.amqp.types import Described, Symbol, Timestamp
from servicebus_emulator.broker.sql.values import HIGHEST

_TIMESPAN = Symbol("com.microsoft:timespan")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECOND = timedelta(microseconds=1)
_TICKS = 10  # of .NET, in a microsecond


def plain(value: Any) -> Any:
    """A value of AMQP as rules compare it."""
    if isinstance(value, Timestamp):
        return moment(value / 1000)
    if isinstance(value, Described) and value.descriptor == _TIMESPAN:
        return _span(value.value)
    return value


def encodable(value: Any) -> Any:
    """A value of a rule as AMQP carries it; times without a zone are UTC."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        return Timestamp((aware - _EPOCH) // _MILLISECOND)
    if isinstance(value, timedelta):
        ticks = value // _MICROSECOND * _TICKS
        return Described(_TIMESPAN, max(-HIGHEST, min(ticks, HIGHEST)))
    return value


def moment(seconds: float) -> datetime | None:
    """A time in seconds since the epoch; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # before the year 1 or after 9999
        return None


def _span(ticks: Any) -> timedelta | None:
    try:
        return timedelta(microseconds=ticks / _TICKS)
    except (OverflowError, TypeError):
        return None
