"""What exchanges do: which messages a topic carries, and which the sender puts into queues."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from kombu.transport import virtual
from kombu.transport.base import to_rabbitmq_queue_arguments

from celery_azure.subscriptions import ROUTING_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping


class RoutingChannel(virtual.Channel, ABC):  # type: ignore[misc] # kombu publishes no types
    """A channel that routes.

    As kombu's channels do, it knows what was bound on its connection and puts messages into those
    queues. What has to reach queues that only others know goes to a topic.
    """

    def prepare_queue_arguments(self, arguments: Any, **options: Any) -> Any:
        """Keep what a queue is declared with: how long it stays, and its messages in it."""
        return to_rabbitmq_queue_arguments(arguments, **options)

    def queue_bind(
        self,
        queue: str,
        exchange: str | None = None,
        routing_key: str = "",
        arguments: Any = None,
        **options: Any,
    ) -> None:
        """Route messages of an exchange to a queue: at the broker, or by those who know of it."""
        broadcasts = self.connection.broadcasts
        if self._is_carried(exchange, is_temporary=broadcasts.is_temporary(queue)):
            broadcasts.bind(queue, exchange, self.typeof(exchange), routing_key)
        else:
            super().queue_bind(queue, exchange, routing_key, arguments, **options)

    def queue_delete(
        self, queue: str, if_unused: bool = False, if_empty: bool = False, **options: Any
    ) -> int:
        """Delete a queue, or the subscription that it is; how many messages it had.

        Who else uses it is not known here: `if_unused` is no hindrance.
        """
        del if_unused, options
        if self.connection.broadcasts.source(queue) is not None:
            self.connection.broadcasts.delete(queue)
            return 0
        size: int = self._size(queue)
        if not (if_empty and size):
            self._delete(queue)
            for exchange in self.state.exchanges.values():
                exchange["table"] = [row for row in exchange["table"] if row[-1] != queue]
            self.state.queue_bindings_delete(queue)
        return size

    def after_reply_message_received(self, queue: str) -> None:
        """Leave it: a queue of replies has gone with its consumer, where it was a subscription."""
        if self.connection.broadcasts.are_possible:
            return
        super().after_reply_message_received(queue)

    def _is_carried(self, exchange: str | None, *, is_temporary: bool) -> bool:
        """Whether a topic carries what an exchange has for a queue."""
        declared = self.state.exchanges.get(exchange) if exchange else None
        if declared is None:
            return False
        return bool(self.connection.broadcasts.carry(declared, is_temporary=is_temporary))

    def basic_publish(
        self, message: dict[str, Any] | str, exchange: str, routing_key: str, **options: Any
    ) -> None:
        """Publish a message to the queues that are bound here, or to whoever listens elsewhere.

        Events are not waited for: they are news, and the worker that tells them has work to do.
        A text, as `celery amqp` sends it, becomes a message.

        Raises:
            ServiceBusError: The broker has not accepted it.
        """
        if isinstance(message, str):
            text, message = message, {}
            message.update(self.prepare_message(text, content_type="text/plain"))
        kind = self.typeof(exchange).type
        if exchange and kind == "fanout":
            self.connection.broadcasts.check()
        is_known_here = bool(self.state.exchanges.get(exchange, {}).get("table"))
        if not self._is_carried(exchange, is_temporary=not is_known_here):
            super().basic_publish(message, exchange, routing_key, **options)
            return
        self._inplace_augment_message(message, exchange, routing_key)
        payload = self.encode(message, exchange, routing_key, {ROUTING_KEY: routing_key})
        self.connection.broadcasts.publish(exchange, payload, waits=kind != "topic")

    def is_wanted(self, queue: str, exchange: str, routing_key: str) -> bool:
        """Whether a message is for a queue; it may not be where that is a subscription."""
        broadcasts = self.connection.broadcasts
        if broadcasts.source(queue) is None:
            return True
        return bool(broadcasts.accepts(queue, self.typeof(exchange), routing_key))

    @abstractmethod
    def encode(
        self,
        message: dict[str, Any],
        exchange: str,
        routing_key: str,
        properties: Mapping[str, str] | None = None,
    ) -> bytes:
        """Write a message; `properties` are added to its application properties."""
