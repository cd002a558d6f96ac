"""What goes to everybody who listens: through topics, to a subscription for each queue bound.

Celery's remote control, its replies, events and broadcast tasks travel this way.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from kombu.exceptions import OperationalError
from kombu.log import get_logger

from celery_azure import administration
from celery_azure.administration import Life, first_line, is_refusal, tiers
from celery_azure.errors import BusyError, FanoutOffError, UnreachableError
from celery_azure.subscriptions import (
    EVERYTHING,
    SHORTEST_IDLE_SECONDS,
    Rule,
    Subscription,
    subscription_name,
    topic_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from celery_azure.connection import ServiceBusEndpoint
    from celery_azure.namespace import Namespace
    from celery_azure.options import Options

logger = get_logger(__name__)

_OFF = (
    "there is no fanout, which remote control and broadcasts need: set the transport option "
    "'fanout' to True here and at the workers"
)
_BASIC = "the Basic tier has no topics, which remote control and broadcasts need"


@dataclass(slots=True)
class _Declared:
    """What is known of a queue before it is bound."""

    is_temporary: bool
    idle_seconds: float
    ttl_seconds: float | None


class Broadcasts:
    """The topics and subscriptions of one connection of kombu's.

    Args:
        endpoint: The namespace.
        options: The transport's options.
        namespace: Gives the connection that the process shares.
    """

    def __init__(
        self, endpoint: ServiceBusEndpoint, options: Options, namespace: Callable[[], Namespace]
    ) -> None:
        self._endpoint = endpoint
        self._options = options
        self._namespace = namespace
        self._declared: dict[str, _Declared] = {}
        self._bound: dict[str, Subscription] = {}
        self._tables: dict[str, list[Any]] = {}
        self._topics: set[str] = set()

    # -- whether there are any -------------------------------------------------------------------

    @property
    def are_possible(self) -> bool:
        """Whether they are wanted, and not known to be impossible; asks nobody."""
        return self._options.fanout and tiers.may_have_topics(self._endpoint)

    @property
    def are_supported(self) -> bool:
        """Whether they are wanted and the namespace has topics; asks it once."""
        return self._options.fanout and tiers.have_topics(self._endpoint)

    def check(self) -> None:
        """See that somebody can be reached.

        Raises:
            FanoutOffError: Nobody can; it says why.
        """
        if not self.are_possible:
            raise FanoutOffError(_BASIC if self._options.fanout else _OFF)

    def carry(self, exchange: Mapping[str, Any], *, is_temporary: bool) -> bool:
        """Whether a topic carries what an exchange has for a queue.

        All that a fanout exchange has; and what is for temporary queues of others, whose names
        only their owners know: events, and the replies to remote control.
        """
        if not self.are_possible:
            return False
        kind = exchange["type"]
        return kind == "fanout" or (
            is_temporary and (kind == "topic" or not exchange.get("durable"))
        )

    # -- queues ----------------------------------------------------------------------------------

    def declare(self, queue: str, options: Mapping[str, Any]) -> Life:
        """Remember what was said of a queue, until it is bound; how long it is to stay."""
        arguments = options.get("arguments") or {}
        expires, ttl = arguments.get("x-expires"), arguments.get("x-message-ttl")
        declared = self._declared[queue] = _Declared(
            bool(options.get("auto_delete") or options.get("exclusive")),
            max(SHORTEST_IDLE_SECONDS, (expires or 0) / 1000),
            None if ttl is None else max(1.0, ttl / 1000),
        )
        goes = declared.is_temporary or expires is not None
        return Life(declared.idle_seconds if goes else None, declared.ttl_seconds)

    def is_temporary(self, queue: str) -> bool:
        """Whether a queue was declared to go when it is not used any more."""
        declared = self._declared.get(queue)
        return declared is not None and declared.is_temporary

    def stays(self, queue: str) -> bool:
        """Whether what a queue is stays without being used."""
        source = self.source(queue)
        return not (self.is_temporary(queue) if source is None else source.is_temporary)

    def source(self, queue: str) -> Subscription | None:
        """The subscription that is a queue; None for a queue that is one."""
        return self._bound.get(queue)

    def bind(self, queue: str, exchange: str, kind: Any, routing_key: str) -> None:
        """Subscribe a queue to the topic of an exchange; returns when that is done.

        Args:
            queue: Its name.
            exchange: That of the exchange.
            kind: The exchange's type, as kombu has it.
            routing_key: What the messages must be published with, or a pattern.
        """
        rule = Rule(EVERYTHING if kind.type == "fanout" else routing_key, kind.type != "direct")
        topic = self.topic(exchange)
        known = self._bound.get(queue)
        if known is not None and known.topic == topic and rule in known.rules:
            return
        if known is not None and known.topic != topic:
            logger.warning("Queue %r is bound to two exchanges; it hears the last one only.", queue)
            self.delete(queue)
            known = None
        declared = self._declared.get(queue) or _Declared(False, SHORTEST_IDLE_SECONDS, None)
        wanted = known or Subscription(
            topic,
            subscription_name(f"{self._options.queue_name_prefix}{queue}"),
            declared.is_temporary,
            declared.idle_seconds,
            declared.ttl_seconds,
        )
        wanted = replace(wanted, rules=wanted.rules | {rule})
        table = self._tables.setdefault(queue, [])
        table.append(kind.prepare_bind(queue, exchange, routing_key, None))
        self._bound[queue] = wanted
        create = partial(
            administration.create_subscription, self._endpoint, wanted, self._options.lock_seconds
        )
        self._namespace().provide(wanted.path, partial(_attempt, self._endpoint, create))
        _attempt_quietly(self._endpoint, create)

    def accepts(self, queue: str, kind: Any, routing_key: str) -> bool:
        """Whether a message is for a queue: rules let a little more through than bindings do."""
        return bool(kind.lookup(self._tables.get(queue, []), "", routing_key, None))

    def delete(self, queue: str) -> None:
        """Remove the subscription of a queue."""
        subscription = self._bound.pop(queue, None)
        self._tables.pop(queue, None)
        if subscription is not None:
            self._namespace().provide(subscription.path, None)
            administration.delete_subscription(self._endpoint, subscription)

    # -- publishing ------------------------------------------------------------------------------

    def topic(self, exchange: str) -> str:
        """The name of an exchange's topic."""
        return topic_name(self._options.queue_name_prefix + exchange)

    def publish(self, exchange: str, payload: bytes, *, waits: bool) -> None:
        """Send an encoded message to everybody who listens.

        Args:
            exchange: The exchange.
            payload: The message.
            waits: Whether to return when the broker has accepted it; or at once.

        Raises:
            OperationalError: The broker was not reached in time. Not `UnreachableError`, since
                kombu tries commands again for ever when that is raised.
            ServiceBusError: The broker has not accepted it.
        """
        topic, namespace = self.topic(exchange), self._namespace()
        if topic not in self._topics:
            self._topics.add(topic)
            create = partial(administration.create_topic, self._endpoint, topic)
            namespace.provide(topic, partial(_attempt, self._endpoint, create))
        timeout = self._options.send_timeout
        if not waits:
            namespace.post(topic, payload, timeout)
            return
        try:
            namespace.publish(topic, payload, timeout, self._options.connect_timeout)
        except (UnreachableError, BusyError) as error:
            raise OperationalError(str(error)) from error


# -- creating: what the namespace has refused once it will refuse again --------------------------

_refused: set[ServiceBusEndpoint] = set()
_telling = threading.Lock()


class _RefusedBeforeError(Exception):
    """The namespace has said no already."""


def _attempt(endpoint: ServiceBusEndpoint, create: Callable[[], None]) -> None:
    """Create something; tell once in a process when that is refused, and do not ask again."""
    if endpoint in _refused:
        raise _RefusedBeforeError
    try:
        create()
    except Exception as error:
        if is_refusal(error):
            with _telling:
                is_known = endpoint in _refused
                _refused.add(endpoint)
            if is_known:
                raise
            logger.warning(
                "No topics and subscriptions can be created (that needs the Manage right), so that "
                "remote control, events and broadcasts reach nobody but existing ones: %s",
                first_line(error),
            )
        else:
            logger.info("A topic or subscription cannot be created: %s", first_line(error))
        raise


def _attempt_quietly(endpoint: ServiceBusEndpoint, create: Callable[[], None]) -> None:
    """Create something; where that fails, the links that need it find it, or try again."""
    try:
        _attempt(endpoint, create)
    except Exception:  # whatever the admin client raises; it was told
        logger.debug("It was not created.", exc_info=True)
