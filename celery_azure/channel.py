"""A kombu channel on Service Bus: publishing, consuming, and settlements that reach the broker."""

from __future__ import annotations

import itertools
import threading
import time
from functools import partial
from queue import Empty
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from amqp.protocol import queue_declare_ok_t
from kombu.log import get_logger

from celery_azure import administration
from celery_azure.administration import FOR_EVER
from celery_azure.amqp.codec import CodecError
from celery_azure.amqp.messages import FIRST_COPY, Received
from celery_azure.amqp.settlement import ABANDON, COMPLETE, RELEASE, dead_letter
from celery_azure.bodies import Message
from celery_azure.envelope import KOMBU, NotAnEnvelopeError, decode, encode
from celery_azure.errors import RefusedError
from celery_azure.holding import Held, QoS
from celery_azure.locks import on_lost, on_settled
from celery_azure.routing import RoutingChannel
from celery_azure.subscriptions import queue_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from celery_azure.amqp.receiver import Receiver
    from celery_azure.amqp.settlement import Delivery, Settlement
    from celery_azure.options import Options

logger = get_logger(__name__)

_GET_SECONDS = 5.0
_ENQUEUED = "x-opt-enqueued-time"
_tags = itertools.count(1)


def wall_clock() -> float:
    """The time, in seconds since 1970."""
    return time.time()  # noqa: TID251 - `eta` and `expires` are moments of the wall clock


class QueueConsumer:
    """One consumer of a queue: the link that feeds it and the callback that takes."""

    def __init__(
        self, channel: Channel, queue: str, receiver: Receiver, callback: Callable[[Any], object]
    ) -> None:
        self.receiver = receiver
        self.queue = queue
        self.can_take: Callable[[], bool] = channel.qos.can_consume
        self._channel = channel
        self._callback = callback

    def resume(self) -> None:
        """Let messages come again after some were given back."""
        self._channel.connection.namespace.driver.call(self.receiver.resume)

    def take(self, delivery: Delivery) -> bool:
        """Hand a message to the consumer; dead-letter it when it is none of Celery's."""
        channel = self._channel
        raw = channel.open_delivery(self.queue, delivery)
        if raw is None:
            return False
        channel.taking = delivery
        try:
            self._callback(channel.Message(raw, channel=channel))
        finally:
            channel.taking = None
        return True


class Channel(RoutingChannel):
    """A channel.

    Attributes:
        held: What is to be settled.
        taking: The delivery that is being handed to a consumer just now.
    """

    Message = Message
    QoS = QoS
    do_restore = True
    _warned_of_priority = False

    def __init__(self, connection: Any, **options: Any) -> None:
        super().__init__(connection, **options)
        self.options: Options = connection.options
        self.body_encoding = "base64" if self.options.message_format == KOMBU else None
        self.taking: Delivery | None = None
        self.held = Held()
        self._rejections: dict[str, Settlement] = {}
        self._queue_consumers: dict[str, QueueConsumer] = {}
        self._getters: dict[str, Receiver] = {}
        self._stopped: dict[Receiver, str] = {}

    # -- queues ----------------------------------------------------------------------------------

    def entity(self, queue: str) -> str:
        """The path of a queue: its name, as far as it is legal."""
        return queue_name(self.options.queue_name_prefix + queue)

    def queue_declare(
        self, queue: str | None = None, passive: bool = False, **options: Any
    ) -> queue_declare_ok_t:
        """Take a queue to exist; it is created when a link finds it missing.

        `passive` asks how many messages it has, where the rights allow to.
        """
        if passive:
            return queue_declare_ok_t(queue, self._size(str(queue)), 0)
        queue = queue or f"amq.gen-{uuid4()}"
        life = self.connection.broadcasts.declare(queue, options)
        if self.options.create_queues and life != FOR_EVER:
            create = partial(administration.create_queue, self.connection.endpoint)
            seconds = self.options.lock_seconds
            self.connection.namespace.provide_queue(
                self.entity(queue), lambda name: create(name, seconds, life)
            )
        return queue_declare_ok_t(queue, 0, 0)

    def _size(self, queue: str) -> int:
        source = self.connection.broadcasts.source(queue)
        if source is not None:
            return administration.subscription_size(self.connection.endpoint, source)
        return administration.queue_size(self.connection.endpoint, self.entity(queue))

    def _delete(self, queue: str, *_: Any, **__: Any) -> None:
        administration.delete_queue(self.connection.endpoint, self.entity(queue))

    def _purge(self, queue: str) -> int:
        """Receive and delete all there is; how many that was."""
        receiver = self._new_receiver(queue, locks=False)
        self.connection.namespace.open_receiver(receiver, self.options.unlimited_prefetch)
        count = 0
        try:
            while self._drain(receiver):
                found = len(receiver.buffer)
                receiver.buffer.clear()
                self.connection.namespace.driver.call(receiver.release_held, found)
                if not found:
                    break
                count += found
        finally:
            self.connection.namespace.close_receiver(receiver)
        return count

    # -- publishing ------------------------------------------------------------------------------

    def _next_delivery_tag(self) -> str:
        return str(next(_tags))

    def _put(self, queue: str, message: dict[str, Any], exchange: str = "", **_: Any) -> None:
        """Send a message; returns when the broker has accepted it."""
        info = message["properties"].get("delivery_info") or {}
        payload = self.encode(
            message, info.get("exchange") or exchange, info.get("routing_key") or queue
        )
        options = self.options
        self.connection.namespace.publish(
            self.entity(queue), payload, options.send_timeout, options.connect_timeout
        )

    def encode(
        self,
        message: dict[str, Any],
        exchange: str,
        routing_key: str,
        properties: Mapping[str, str] | None = None,
    ) -> bytes:
        """Write a message.

        Raises:
            RefusedError: It cannot be written.
        """
        if message["properties"].get("priority") and not Channel._warned_of_priority:
            Channel._warned_of_priority = True
            logger.warning("Service Bus has no priorities: messages come in their order.")
        try:
            encoded = encode(
                message,
                exchange,
                routing_key,
                now=wall_clock(),
                shape=self.options.message_format,
            )
            encoded.properties.update(properties or {})
            return encoded.to_bytes()
        except CodecError as error:
            raise RefusedError(f"the message cannot be written: {error}") from error

    # -- consuming -------------------------------------------------------------------------------

    def basic_qos(
        self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False
    ) -> None:
        """Set how many messages may be unacknowledged; the links are given credit for as many."""
        super().basic_qos(prefetch_size, prefetch_count, apply_global)
        for consumer in self._queue_consumers.values():
            self.connection.namespace.driver.call(consumer.receiver.set_limit, self._limit())
        self._wake()

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Any, consumer_tag: str, **options: Any
    ) -> None:
        """Let the messages of a queue come."""
        super().basic_consume(queue, no_ack, callback, consumer_tag, **options)
        receiver = self._new_receiver(queue, locks=not no_ack)
        consumer = QueueConsumer(self, queue, receiver, callback)
        self._queue_consumers[consumer_tag] = consumer
        self.connection.feed.add(consumer)
        self.connection.namespace.open_receiver(receiver, self._limit())

    def basic_cancel(self, consumer_tag: str) -> None:
        """Let no more come, and give back what has not been handed out.

        The link stays until the channel is closed if what has been handed out is settled on it.
        """
        super().basic_cancel(consumer_tag)
        consumer = self._queue_consumers.pop(consumer_tag, None)
        if consumer is None:
            return
        self.connection.feed.remove(consumer)
        if consumer.receiver.sender_settles:
            self._close_receiver(consumer.receiver, consumer.queue)
        else:
            self._stopped[consumer.receiver] = consumer.queue
            self.connection.namespace.stop_receiver(consumer.receiver)

    def _close_receiver(self, receiver: Receiver, queue: str) -> None:
        """Detach a link; a temporary queue goes with its consumer."""
        self.connection.namespace.close_receiver(receiver)
        broadcasts = self.connection.broadcasts
        source = broadcasts.source(queue)
        if source is not None and source.is_temporary:
            broadcasts.delete(queue)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        """Take one message, if there is one now."""
        del timeout
        receiver = self._getters.get(queue)
        if receiver is None:
            receiver = self._getters[queue] = self._new_receiver(queue, locks=True)
            self.connection.namespace.open_receiver(receiver, 0)
        while True:
            self._drain(receiver)
            try:
                delivery = receiver.buffer.popleft()
            except IndexError:
                raise Empty from None
            raw = self.open_delivery(queue, delivery, self._next_delivery_tag())
            if raw is not None:
                return raw

    def basic_get(self, queue: str, no_ack: bool = False, **options: Any) -> Any:
        """Take one message, if there is one now; for good with `no_ack`."""
        message = super().basic_get(queue, no_ack=no_ack, **options)
        if no_ack and message is not None:
            self._settle_tag(message.delivery_tag, COMPLETE)
        return message

    def _drain(self, receiver: Receiver) -> bool:
        """Wait until the broker has sent what it has; whether it answered in time."""
        drained = threading.Event()

        def ask() -> None:
            if receiver.is_attached:
                receiver.drain(drained.set)
            else:
                receiver.on_first_attach = lambda: receiver.drain(drained.set)

        self.connection.namespace.driver.call(ask)
        return drained.wait(_GET_SECONDS)

    def _limit(self) -> int:
        return self.qos.prefetch_count or self.options.unlimited_prefetch

    def _new_receiver(self, queue: str, *, locks: bool) -> Receiver:
        source = self.connection.broadcasts.source(queue)
        address = self.entity(queue) if source is None else source.path
        receiver: Receiver = self.connection.namespace.new_receiver(
            address,
            entity=address,
            locks=locks,
            renew_seconds=self.options.lock_renewal_seconds,
            on_message=self.connection.feed.notify,
            on_lost=on_lost,
            on_settled=on_settled,
            stays=self.connection.broadcasts.stays(queue),
        )
        return receiver

    def open_delivery(
        self, queue: str, delivery: Delivery, tag: str | None = None
    ) -> dict[str, Any] | None:
        """Read a delivery as kombu's message; None when it is none and was dead-lettered.

        Its tag is that of its lock, by which a task finds out about it, unless another is given.
        """
        try:
            received = Received(delivery.payload)
            message = decode(received, wall_clock())
        except (CodecError, NotAnEnvelopeError) as error:
            logger.warning("A message that Celery did not write is dead-lettered: %s", error)
            self._settle(delivery, dead_letter("NotACeleryMessage", str(error)))
            return None
        task = message["headers"].get("task")
        delivery.name = f"{task}[{received.message_id}]" if task else received.message_id
        properties = message["properties"]
        info = properties["delivery_info"]
        info.setdefault("exchange", "")
        info["routing_key"] = info.get("routing_key") or queue
        if received.delivery_count:
            info["redelivered"] = True
        enqueued = received.annotations.get(_ENQUEUED)
        if enqueued is not None:
            info["enqueued_at"] = enqueued / 1000  # when it could be had, in seconds since 1970
            is_first = not received.delivery_count and FIRST_COPY in received.properties
            info["came_straight"] = is_first and delivery.was_awaited
        if not self.is_wanted(queue, info["exchange"], info["routing_key"]):
            self._settle(delivery, COMPLETE)
            return None
        if delivery.lock_token is None:
            properties["delivery_tag"] = self._next_delivery_tag()
            self.connection.namespace.driver.call(delivery.receiver.release_held, 1)
        else:
            tag = properties["delivery_tag"] = tag or str(delivery.lock_token)
            self.held[tag] = delivery
        return message

    # -- settling --------------------------------------------------------------------------------

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Complete the message."""
        del multiple
        self._settle_tag(str(delivery_tag), COMPLETE)  # `celery amqp` takes tags for numbers
        self._wake()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Abandon the message, so that it is delivered again; or dead-letter it."""
        explained = self._rejections.pop(delivery_tag, None)
        rejection = explained or self._rejection(self.held.get(delivery_tag))
        self._settle_tag(delivery_tag, ABANDON if requeue else rejection)
        self._wake()

    def explain_rejection(self, delivery_tag: str, reason: str, description: str) -> None:
        """Say what the dead letter is to tell when this message is rejected."""
        if delivery_tag in self.held:
            self._rejections[delivery_tag] = dead_letter(reason, description)

    def _rejection(self, delivery: Delivery | None) -> Settlement:
        name = delivery.name if delivery is not None else ""
        if delivery is not None and delivery is self.taking:
            return dead_letter(
                "NotAccepted", f"The worker has no such task, or it is broken: {name}"
            )
        return dead_letter("Rejected", f"The task rejected its message: {name}")

    def _settle_tag(self, delivery_tag: str, settlement: Settlement) -> None:
        delivery = self.held.pop(delivery_tag, None)
        if delivery is not None:
            self._settle(delivery, settlement)

    def _settle(self, delivery: Delivery, settlement: Settlement) -> None:
        self.connection.namespace.settle(delivery, settlement)

    def _wake(self) -> None:
        """There is room for one more: look into the buffers, whatever thread this is."""
        connection = self.connection
        if connection is not None:
            connection.feed.look_again()

    def _restore(self, delivery: Delivery) -> None:
        """Give back at once what was not acknowledged when the channel is closed."""
        self._settle(delivery, RELEASE)

    def close(self) -> None:
        """Close the links, when the broker has confirmed what was settled."""
        if self.closed:
            return
        super_close = super().close
        for consumer_tag in list(self._consumers):
            self.basic_cancel(consumer_tag)
        if self._qos:
            self._qos.restore_unacked_once()
        for receiver, queue in self._stopped.items():
            self._close_receiver(receiver, queue)
        for queue, receiver in self._getters.items():
            self._close_receiver(receiver, queue)
        super_close()
