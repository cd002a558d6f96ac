"""The kombu transport: kombu's own for Service Bus, made to reach emulators and to settle.

Set `broker_transport = "celery_azure.transport:Transport"` and `broker_url` to
`azureservicebus://KEY_NAME:KEY@my-namespace.servicebus.windows.net` (both parts percent-encoded;
nothing before the host for `DefaultAzureCredential`), or to `...@host:port` for an emulator.

`broker_transport_options`, beside kombu's own: `admin_port` (an emulator's admin API, when it has a
port of its own) and `send_timeout` (seconds within which the broker must accept a message).
"""

from __future__ import annotations

import re
from queue import Empty
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.servicebus import AutoLockRenewer, ServiceBusMessage, ServiceBusReceiveMode
from azure.servicebus.exceptions import (
    MessageAlreadySettled,
    MessageLockLostError,
    OperationTimeoutError,
    ServiceBusCommunicationError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusServerBusyError,
)
from kombu.log import get_logger
from kombu.transport import azureservicebus, virtual

from celery_azure.connection import ServiceBusEndpoint
from celery_azure.envelope import NotAnEnvelopeError, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.servicebus import ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver
    from azure.servicebus.management import ServiceBusAdministrationClient

logger = get_logger(__name__)

OUTAGE_ERRORS = (
    ServiceBusConnectionError,
    ServiceBusCommunicationError,
    ServiceBusServerBusyError,
    OperationTimeoutError,
)
"""Errors that say: the namespace cannot be reached just now."""

_ILLEGAL_IN_NAMES = re.compile(r"[^A-Za-z0-9._/-]", re.ASCII)
_READ_SECONDS = 0.02
"""How long a receiver holds its socket at a time: settling from other threads waits for that."""


class Channel(azureservicebus.Channel):  # type: ignore[misc] # kombu publishes no types
    """A channel whose acknowledgement, rejection and requeueing reach the broker."""

    default_wait_time_seconds = 0.25  # a worker notices between two waits that it is to stop
    default_use_lock_renewal = True
    default_max_lock_renewal_duration = 24 * 3600.0

    def _try_parse_connection_string(self) -> None:
        """Find out where the namespace is; called by the base class when it is made."""
        info = self.conninfo
        port = f":{info.port}" if info.port else ""
        self.endpoint = ServiceBusEndpoint.parse(
            f"{info.hostname}{port}",
            key_name=info.userid or None,
            key=info.password or None,
            admin_port=self.transport_options.get("admin_port"),
        )

    @property
    def queue_service(self) -> ServiceBusClient:
        """The client for messages, shared by the channels of a connection."""
        transport = self.connection
        if transport.service_bus_client is None:
            transport.service_bus_client = self.endpoint.client(
                retry_total=self.retry_total,
                retry_backoff_factor=self.retry_backoff_factor,
                retry_backoff_max=self.retry_backoff_max,
            )
        client: ServiceBusClient = transport.service_bus_client
        return client

    @property
    def queue_mgmt_service(self) -> ServiceBusAdministrationClient:
        """A client for creating and inspecting queues."""
        return self.endpoint.administration_client()

    def entity_name(self, name: str, _table: object = None) -> str:
        """Keep what is a legal queue name, and make one of what is not."""
        return _ILLEGAL_IN_NAMES.sub("_", name)

    def _new_queue(self, queue: str, **_: Any) -> None:
        """See that a queue exists, where the rights allow to; else rely on it."""
        name = self._entity(queue)
        if name in self.connection.declared_queues:
            return
        try:
            with self.queue_mgmt_service as management:
                management.create_queue(name, lock_duration=f"PT{self.peek_lock_seconds}S")
        except ResourceExistsError:
            pass
        except AzureError as error:
            logger.info("Queue %r is taken to exist: %s", name, _first_line(error))
        self.connection.declared_queues.add(name)

    def _size(self, queue: str) -> int:
        """How many messages a queue holds; 0 where the rights do not allow to ask.

        kombu asks at each declaration, so this must not be what a worker fails on.
        """
        name = self._entity(queue)
        try:
            with self.queue_mgmt_service as management:
                count = management.get_queue_runtime_properties(name).total_message_count
        except AzureError as error:
            logger.info("The size of queue %r is not known: %s", name, _first_line(error))
            return 0
        return int(count or 0)

    # -- sending ---------------------------------------------------------------------------------

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        """Send a message; returns when the broker has accepted it."""
        name = self._entity(queue)
        outgoing = ServiceBusMessage(
            encode(message),
            content_type="application/json",
            message_id=message["properties"].get("correlation_id") or None,
            subject=message["headers"].get("task"),
        )
        try:
            self._send(name, outgoing)
        except ServiceBusConnectionError:
            # The service closes idle links and connections: a sender that was kept may be dead.
            self._reset_cached_sender(name)
            self._send(name, outgoing)

    def _send(self, name: str, outgoing: ServiceBusMessage) -> None:
        sender = self._get_asb_sender(name).sender
        try:
            sender.send_messages(outgoing, timeout=self.transport_options.get("send_timeout"))
        except ServiceBusError:
            self._reset_cached_sender(name)
            raise

    # -- receiving -------------------------------------------------------------------------------

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        """Wait for a message; kombu's message, with the lock token as its delivery tag."""
        name = self._entity(queue)
        mode = (
            ServiceBusReceiveMode.RECEIVE_AND_DELETE
            if queue in self._noack_queues
            else ServiceBusReceiveMode.PEEK_LOCK
        )
        try:
            receiver = self._get_asb_receiver(name, mode).receiver
            received = receiver.receive_messages(
                max_message_count=1, max_wait_time=timeout or self.wait_time_seconds
            )
        except OUTAGE_ERRORS as error:
            self._note_outage(error)
            self._close_cached_receiver(name, mode)
            raise Empty from None
        self._note_recovery()
        if not received:
            raise Empty
        return self._incoming(name, receiver, received[0], mode)

    def _incoming(
        self,
        name: str,
        receiver: ServiceBusReceiver,
        received: ServiceBusReceivedMessage,
        mode: ServiceBusReceiveMode,
    ) -> dict[str, Any]:
        try:
            message = decode(b"".join(received.body))
        except (NotAnEnvelopeError, TypeError) as error:
            logger.warning("A message that Celery did not write is dead-lettered: %s", error)
            if mode is ServiceBusReceiveMode.PEEK_LOCK:
                receiver.dead_letter_message(
                    received, reason="NotACeleryMessage", error_description=str(error)
                )
            raise Empty from None
        if mode is ServiceBusReceiveMode.PEEK_LOCK:
            tag = str(received.lock_token)
            message["properties"]["delivery_tag"] = tag
            self.connection.unsettled[tag] = (name, receiver, received)
            if self.use_lock_renewal:
                self._renew_while_unsettled(receiver, received)
        if received.delivery_count:
            message["properties"]["delivery_info"]["redelivered"] = True
        return message

    def _get_asb_receiver(
        self,
        queue: str,
        recv_mode: ServiceBusReceiveMode = ServiceBusReceiveMode.PEEK_LOCK,
        queue_cache_key: str | None = None,
    ) -> azureservicebus.SendReceive:
        key = queue_cache_key or self._receiver_cache_key(queue, recv_mode)
        cached = self._queue_cache.get(key)
        if cached is None or cached.receiver is None:
            receiver = self.queue_service.get_queue_receiver(
                queue,
                receive_mode=recv_mode,
                keep_alive=self.uamqp_keep_alive_interval,
                socket_timeout=_READ_SECONDS,
            )
            # Opening a link takes longer than one wait for a message may.
            receiver.__enter__()
            cached = self._add_queue_to_cache(key, receiver=receiver)
        return cached

    def _renew_while_unsettled(
        self, receiver: ServiceBusReceiver, received: ServiceBusReceivedMessage
    ) -> None:
        """Renew the message's lock in the background until it is settled.

        Over the link that received it: a second receiver would be given messages, too.
        """
        transport = self.connection
        if transport._renewer is None:  # noqa: SLF001 (the base class keeps and closes it)
            transport._renewer = self._create_auto_lock_renewer()  # noqa: SLF001
        renewer: AutoLockRenewer = transport._renewer  # noqa: SLF001
        renewer.register(receiver, received, on_lock_renew_failure=_log_lost_lock)

    # -- settling --------------------------------------------------------------------------------

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Complete the message."""
        self._settle(delivery_tag, "complete", lambda link, held: link.complete_message(held))
        virtual.Channel.basic_ack(self, delivery_tag, multiple=multiple)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Abandon the message, so that it is delivered again; or dead-letter it."""
        if requeue:
            self._settle(delivery_tag, "abandon", lambda link, held: link.abandon_message(held))
        else:
            self._settle(
                delivery_tag,
                "dead-letter",
                lambda link, held: link.dead_letter_message(
                    held, reason="Rejected", error_description="The worker rejected the message."
                ),
            )
        virtual.Channel.basic_reject(self, delivery_tag, requeue=False)

    def _settle(
        self,
        delivery_tag: str,
        verb: str,
        settle: Callable[[ServiceBusReceiver, ServiceBusReceivedMessage], None],
    ) -> None:
        """Settle a message; when that fails the broker delivers it again, which is logged."""
        name, receiver, held = self.connection.unsettled.pop(delivery_tag, (None, None, None))
        if receiver is None:
            return
        try:
            settle(receiver, held)
        except MessageAlreadySettled:
            pass
        except MessageLockLostError:
            logger.warning(
                "The lock of message %s from %r was lost before its %s: it is delivered again.",
                held.message_id,
                name,
                verb,
            )
        except (AzureError, ValueError) as error:  # ValueError: the receiver has been closed
            logger.warning(
                "The %s of message %s from %r failed, it is delivered again: %s",
                verb,
                held.message_id,
                name,
                _first_line(error),
            )

    def _restore(self, message: object) -> None:
        """Nothing to restore: what is not settled stays with the broker."""

    # -- inside ----------------------------------------------------------------------------------

    def _entity(self, queue: str) -> str:
        return self.entity_name(self.queue_name_prefix + queue)

    def _note_outage(self, error: Exception) -> None:
        if not self.connection.is_in_outage:
            self.connection.is_in_outage = True
            logger.warning("Service Bus cannot be reached, trying on: %s", _first_line(error))

    def _note_recovery(self) -> None:
        if self.connection.is_in_outage:
            self.connection.is_in_outage = False
            logger.warning("Service Bus can be reached again.")


class Transport(azureservicebus.Transport):  # type: ignore[misc] # kombu publishes no types
    """Service Bus for kombu.

    Attributes:
        unsettled: Queue, link and message of every delivery that is locked here, by delivery tag.
    """

    Channel = Channel

    can_parse_url = False  # kombu reads user, password, host and port, and hides the password
    polling_interval = None  # receiving waits for messages itself
    connection_errors = (*virtual.Transport.connection_errors, *OUTAGE_ERRORS)
    channel_errors = (*virtual.Transport.channel_errors, ServiceBusError)

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        self.service_bus_client: ServiceBusClient | None = None
        self.declared_queues: set[str] = set()
        self.is_in_outage = False
        self.unsettled: dict[str, tuple[str, ServiceBusReceiver, ServiceBusReceivedMessage]] = {}

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Deliver a message, or raise `TimeoutError` when one wait has brought none.

        kombu would wait again until `timeout`, for which a worker that is to stop waits twice.
        """
        super().drain_events(connection, timeout=0 if timeout is None else min(timeout, 0.01))

    def close_connection(self, connection: Any) -> None:
        """Close every link; messages that are still locked come again when their locks end."""
        self.unsettled.clear()
        super().close_connection(connection)
        if self.service_bus_client is not None:
            self.service_bus_client.close()
            self.service_bus_client = None


def _log_lost_lock(message: Any, error: Exception | None) -> None:
    """Say that a lock could not be renewed; called by the renewer's thread."""
    logger.warning(
        "The lock of message %s is lost, it is delivered again: %s",
        message.message_id,
        _first_line(error) if error is not None else "it has expired",
    )


def _first_line(error: BaseException) -> str:
    """What an Azure error says, without the lines of diagnosis behind it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
