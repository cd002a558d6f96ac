"""Celery's transport for Azure Service Bus.

Set `broker_transport = "celery_azure.transport:Transport"` and `broker_url` to
`azureservicebus://KEY_NAME:KEY@my-namespace.servicebus.windows.net` (both parts percent-encoded;
nothing before the host for `DefaultAzureCredential`), or to `...@host:port` for an emulator.
The options are those of `celery_azure.options.Options`.
"""

from __future__ import annotations

import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from kombu.transport import virtual

from celery_azure.administration import create_queue
from celery_azure.broadcasts import Broadcasts
from celery_azure.channel import Channel
from celery_azure.connection import ServiceBusEndpoint
from celery_azure.errors import BusyError, ServiceBusError, UnreachableError
from celery_azure.feed import Feed
from celery_azure.namespace import Namespace
from celery_azure.options import Options
from celery_azure.stopping import DRIVER_NAME, is_worker_stopping, wake_to_stop
from celery_azure.tls import TlsSettings

if TYPE_CHECKING:
    from collections.abc import Callable

_WITHOUT_FANOUT = virtual.Transport.implements.extend(
    asynchronous=True, exchange_type=frozenset(["direct", "topic"]), heartbeats=False
)
_WITH_FANOUT = _WITHOUT_FANOUT.extend(exchange_type=frozenset(["direct", "topic", "fanout"]))

_GLANCE_SECONDS = 0.25
"""How often who waits for a message looks whether the worker is to stop, should nobody have sent it
a signal. Celery asks only when the wait is over, which takes two seconds, twice."""

_MOMENT_SECONDS = 0.02
"""What is left of a wait once the worker is to stop. With gevent and eventlet, the greenlet that
listens to remote control asks again and again until another one, which must have its turn, tells it
to end."""


class Transport(virtual.Transport):  # type: ignore[misc] # kombu publishes no types
    """Service Bus for kombu.

    Attributes:
        endpoint: The namespace.
        options: What `broker_transport_options` say.
        feed: What has come in for the consumers of this connection.
        broadcasts: What goes to everybody who listens.
    """

    Channel = Channel

    driver_type = "azureservicebus"
    driver_name = DRIVER_NAME
    can_parse_url = False  # kombu reads user, password, host and port, and hides the password
    polling_interval = None
    connection_errors = (*virtual.Transport.connection_errors, UnreachableError, BusyError)
    channel_errors = (*virtual.Transport.channel_errors, ServiceBusError)
    recoverable_connection_errors = (UnreachableError, BusyError)
    recoverable_channel_errors = ()

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        given = dict(client.transport_options)
        if client.connect_timeout:  # Celery's `broker_connection_timeout`
            given.setdefault("connect_timeout", client.connect_timeout)
        self.options = Options.read(given)
        port = f":{client.port}" if client.port else ""
        self.endpoint = ServiceBusEndpoint.parse(
            f"{client.hostname or ''}{port}",
            key_name=client.userid or None,
            key=client.password or None,
            admin_port=self.options.admin_port,
            tls=TlsSettings.read(client.ssl),
        )
        self.feed = Feed()
        wake_to_stop(self.feed)
        self.broadcasts = Broadcasts(self.endpoint, self.options, lambda: self.namespace)
        self._namespace: Namespace | None = None
        self._acquiring = threading.Lock()

    @property
    def implements(self) -> Any:
        """What kombu may ask of this transport; fanout depends on an option and on the tier."""
        return _WITH_FANOUT if self.broadcasts.are_supported else _WITHOUT_FANOUT

    @property
    def namespace(self) -> Namespace:
        """The connection that the whole process shares."""
        namespace = self._namespace
        if namespace is None or namespace.is_left_behind:
            with self._acquiring:  # threads that share a connection must not count twice
                namespace = self._namespace
                if namespace is None or namespace.is_left_behind:
                    namespace = Namespace.acquire(self.endpoint, self._creator())
                    # Celery's app forgets its connections without closing them.
                    self._finalizer = weakref.finalize(self, namespace.let_go)
                    self._namespace = namespace
        return namespace

    def _creator(self) -> Callable[[str], None] | None:
        if not self.options.create_queues:
            return None
        return lambda name: create_queue(self.endpoint, name, self.options.lock_seconds)

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Deliver one message.

        Raises:
            TimeoutError: None has come in time, or the worker that waits here is to stop.
        """
        del connection
        due = None if timeout is None else time.monotonic() + timeout
        while True:
            # While there is something, the signal stands, so that nobody needs to give it again.
            if self.feed.deliver_one():
                return
            self.feed.clear()
            if self.feed.deliver_one():
                return
            left = None if due is None else due - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            if is_worker_stopping():
                self.feed.wait(_MOMENT_SECONDS)
                raise TimeoutError
            self.feed.wait(_GLANCE_SECONDS if left is None else min(left, _GLANCE_SECONDS))

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Let Celery's event loop wake up for messages."""
        del connection
        self.feed.join_loop(loop, is_worker_stopping)
        loop.add_reader(self.feed.fileno(), self.feed.on_readable)

    def close_connection(self, connection: Any) -> None:
        """Close the channels; the last connection of the process closes the socket."""
        super().close_connection(connection)
        if self._namespace is not None:
            self._finalizer.detach()
            self._namespace.release()
            self._namespace = None
        self.feed.close()
