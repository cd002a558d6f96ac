"""What needs the admin API, and so the Manage right: creating, deleting and counting.

A transport that may only send and listen works without any of it.
"""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from kombu.log import get_logger

from celery_azure.subscriptions import ROUTING_KEY, TAKES_ALL

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.connection import ServiceBusEndpoint
    from celery_azure.subscriptions import Rule, Subscription

logger = get_logger(__name__)

_DEFAULT_RULE = "$Default"
_BASIC = "Basic"
_IN_A_HURRY: dict[str, Any] = {"retry_total": 1, "connection_timeout": 5, "read_timeout": 10}


class Life(NamedTuple):
    """How long a queue stays, and messages in it; None for ever.

    Attributes:
        idle_seconds: After how long without use it goes.
        ttl_seconds: For how long it keeps a message.
    """

    idle_seconds: float | None = None
    ttl_seconds: float | None = None


FOR_EVER = Life()
_OF_REPLIES = Life(idle_seconds=86_400.0)
_REPLIES = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.ASCII)


def create_queue(
    endpoint: ServiceBusEndpoint, name: str, lock_seconds: int, life: Life = FOR_EVER
) -> None:
    """Create a queue, if it is missing.

    One of which nothing but its name is known, an UUID, is that of replies to a client (`rpc://`)
    which most probably has ended: it goes when nobody has used it for a day.

    A tier that lets no queue go gets one that stays.

    Raises:
        AzureError: The rights do not allow it, or nobody answers.
    """
    if life == FOR_EVER and _REPLIES.search(name):
        life = _OF_REPLIES
    options: dict[str, Any] = {"lock_duration": f"PT{lock_seconds}S"}
    if life.idle_seconds is not None:
        options["auto_delete_on_idle"] = timedelta(seconds=life.idle_seconds)
    if life.ttl_seconds is not None:
        options["default_message_time_to_live"] = timedelta(seconds=life.ttl_seconds)
    with endpoint.administration_client() as client, suppress(ResourceExistsError):
        try:
            client.create_queue(name, **options)
        except HttpResponseError as error:
            if error.status_code != HTTPStatus.BAD_REQUEST or life == FOR_EVER:
                raise
            logger.info("Queue %r stays for ever: %s", name, first_line(error))
            client.create_queue(name, lock_duration=options["lock_duration"])


def delete_queue(endpoint: ServiceBusEndpoint, name: str) -> None:
    """Delete a queue, if it is there and the rights allow to."""
    try:
        with endpoint.administration_client() as client:
            client.delete_queue(name)
    except ResourceNotFoundError:
        pass
    except AzureError as error:
        logger.warning("Queue %r cannot be deleted: %s", name, first_line(error))


def queue_size(endpoint: ServiceBusEndpoint, name: str) -> int:
    """How many messages wait in a queue; 0 where the rights do not allow to ask."""
    return _size(endpoint, name, lambda client: client.get_queue_runtime_properties(name))


def subscription_size(endpoint: ServiceBusEndpoint, subscription: Subscription) -> int:
    """How many messages wait in a subscription; 0 where the rights do not allow to ask."""
    names = subscription.topic, subscription.name
    return _size(
        endpoint,
        subscription.path,
        lambda client: client.get_subscription_runtime_properties(*names),
    )


def _size(endpoint: ServiceBusEndpoint, path: str, ask: Callable[[Any], Any]) -> int:
    try:
        with endpoint.administration_client() as client:
            return int(ask(client).active_message_count or 0)
    except (AzureError, AttributeError) as error:  # the latter where a topic has that name
        logger.info("The size of %r is not known: %s", path, first_line(error))
        return 0


# -- topics and subscriptions --------------------------------------------------------------------


class Tiers:
    """Which namespaces have topics; each is asked once."""

    def __init__(self) -> None:
        self._known: dict[ServiceBusEndpoint, bool] = {}
        self._lock = threading.Lock()

    def may_have_topics(self, endpoint: ServiceBusEndpoint) -> bool:
        """False for a namespace that is known to have none; asks nobody."""
        return self._known.get(endpoint, True)

    def have_topics(self, endpoint: ServiceBusEndpoint) -> bool:
        """Whether a namespace has topics; True also where nobody answers, or may ask."""
        with self._lock:
            known = self._known.get(endpoint)
            if known is not None:
                return known
            try:
                with endpoint.administration_client(**_IN_A_HURRY) as client:
                    tier = client.get_namespace_properties().messaging_sku
            except AzureError as error:
                logger.debug("The tier of %s is not known: %s", endpoint.host, first_line(error))
                return True
            known = self._known[endpoint] = tier != _BASIC
            if not known:
                logger.info("%s is of the Basic tier, which has no topics.", endpoint.host)
            return known


tiers = Tiers()


def create_topic(endpoint: ServiceBusEndpoint, name: str) -> None:
    """Create a topic, if it is missing.

    Raises:
        AzureError: The rights or the tier do not allow it, or nobody answers.
    """
    with endpoint.administration_client(**_IN_A_HURRY) as client, suppress(ResourceExistsError):
        client.create_topic(name)


def create_subscription(
    endpoint: ServiceBusEndpoint, wanted: Subscription, lock_seconds: int
) -> None:
    """Create a subscription, its rules, and its topic where that is missing.

    A temporary one that is there already was left by somebody who died: what has come in for that
    one since is nobody's, so it is made anew.

    Raises:
        AzureError: The rights or the tier do not allow it, or nobody answers.
    """
    options: dict[str, Any] = {"lock_duration": timedelta(seconds=lock_seconds)}
    if wanted.is_temporary:
        options["auto_delete_on_idle"] = timedelta(seconds=wanted.idle_seconds)
    if wanted.ttl_seconds is not None:
        options["default_message_time_to_live"] = timedelta(seconds=wanted.ttl_seconds)

    with endpoint.administration_client(**_IN_A_HURRY) as client:

        def create() -> None:
            client.create_subscription(wanted.topic, wanted.name, **options)

        try:
            create()
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):
                client.create_topic(wanted.topic)
            create()
        except ResourceExistsError:
            if wanted.is_temporary:
                with suppress(ResourceNotFoundError):
                    client.delete_subscription(wanted.topic, wanted.name)
                create()
        if TAKES_ALL in wanted.rules or not wanted.rules:
            return
        for rule in wanted.rules:
            with suppress(ResourceExistsError):
                client.create_rule(wanted.topic, wanted.name, rule.name, filter=_filter(rule))
        with suppress(ResourceNotFoundError):
            client.delete_rule(wanted.topic, wanted.name, _DEFAULT_RULE)


def delete_subscription(endpoint: ServiceBusEndpoint, subscription: Subscription) -> None:
    """Delete a subscription, if it is there; what cannot be deleted goes by itself, when idle."""
    try:
        with endpoint.administration_client(**_IN_A_HURRY) as client:
            client.delete_subscription(subscription.topic, subscription.name)
    except ResourceNotFoundError:
        pass
    except AzureError as error:
        logger.debug("%s is not deleted: %s", subscription.path, first_line(error))


def _filter(rule: Rule) -> Any:
    from azure.servicebus.management import (  # noqa: PLC0415 - takes long to load
        CorrelationRuleFilter,
        SqlRuleFilter,
    )

    if rule.sql is None:
        return CorrelationRuleFilter(properties={ROUTING_KEY: rule.key})
    return SqlRuleFilter(rule.sql)


def is_refusal(error: BaseException) -> bool:
    """Whether the namespace has answered no, so that trying again is of no use."""
    return isinstance(error, HttpResponseError) and error.status_code in {400, 401, 403}


def first_line(error: BaseException) -> str:
    """What an Azure error says, without the lines of diagnosis behind it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
