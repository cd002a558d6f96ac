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

        Raises:
            ValueError: An option has a value that it cannot have.
        """
        names = {field.name for field in fields(cls)}
        options = cls(**{name: value for name, value in given.items() if name in names})
        if options.message_format not in {NATIVE, KOMBU}:
            raise ValueError(f"message_format is neither {NATIVE!r} nor {KOMBU!r}")
        return options
