"""What `broker_transport_options` may say."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from kombu.log import get_logger

from celery_azure.envelope import KOMBU, NATIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = get_logger(__name__)

_DAY_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Options:
    """The transport's options.

    Attributes:
        message_format: `native`, or `kombu` for workers that still use kombu's own transport.
        send_timeout: Seconds within which the broker must accept a message.
        connect_timeout: Seconds after which a message fails already if there is no connection.
        lock_renewal_seconds: For how long the lock of a message is renewed; 0 for never.
        create_queues: Whether a queue that is missing is created; needs the Manage right.
        lock_seconds: The lock duration of queues that are created.
        queue_name_prefix: Put before the name of every queue.
        unlimited_prefetch: How many messages to hold where Celery sets no limit.
        fanout: Whether topics and subscriptions carry remote control, events and broadcasts; needs
            the Standard tier, and the Manage right.
        admin_port: The port of an emulator's admin API, when it has one of its own.
    """

    message_format: str = NATIVE
    send_timeout: float = 10.0
    connect_timeout: float = 4.0
    lock_renewal_seconds: float = _DAY_SECONDS
    create_queues: bool = True
    lock_seconds: int = 60
    queue_name_prefix: str = ""
    unlimited_prefetch: int = 100
    fanout: bool = False
    admin_port: int | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Options:
        """Read the options; names that are not known are left to kombu.

        Two that kombu's own transport has under other names are read under these, too.

        Raises:
            ValueError: An option has a value that it cannot have.
        """
        wanted = {ours: given[theirs] for theirs, ours in _OF_KOMBU.items() if theirs in given}
        for option in fields(cls):
            if option.name in given:
                wanted[option.name] = given[option.name]
        for name, value in wanted.items():
            _check(name, value)
        return cls(**wanted)


_OF_KOMBU = {
    "peek_lock_seconds": "lock_seconds",
    "max_lock_renewal_duration": "lock_renewal_seconds",
}


def _check(name: str, value: Any) -> None:
    default = getattr(Options(), name)
    if name == "message_format" and value not in {NATIVE, KOMBU}:
        raise ValueError(f"message_format is neither {NATIVE!r} nor {KOMBU!r}")
    if isinstance(default, str | bool):
        is_good, expected = isinstance(value, type(default)), type(default).__name__
    else:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_good = (is_number and value >= 0) or value is default
        expected = "a number that is not negative"
    if not is_good:
        raise ValueError(f"{name} is {value!r}; expected: {expected}")
