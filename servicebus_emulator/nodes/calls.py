"""What a management operation is given, and how it reads the body of its request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from servicebus_emulator.amqp.types import Array
from servicebus_emulator.broker.errors import OperationNotAllowed
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.subscription import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.broker.access import Right
    from servicebus_emulator.broker.topic import Topic

_Kind = TypeVar("_Kind")

Result = dict[str, Any] | None
"""The body of a response; None when there is no content to give."""


class BadRequestError(Exception):
    """The request's body is not what its operation takes; the text says which field."""


class Call(NamedTuple):
    """What an operation is given."""

    entity: Queue | Topic
    body: dict[Any, Any]
    now: float
    new_id: Callable[[], UUID]

    @property
    def queue(self) -> Queue:
        """The entity, when messages can be received from it.

        Raises:
            OperationNotAllowed: It is a topic.
        """
        if not isinstance(self.entity, Queue):
            raise OperationNotAllowed(f"'{self.entity.path}' is a topic, which keeps no messages.")
        return self.entity

    @property
    def subscription(self) -> Subscription:
        """The entity, when it is a subscription.

        Raises:
            OperationNotAllowed: It is none.
        """
        if not isinstance(self.entity, Subscription):
            raise OperationNotAllowed(f"'{self.entity.path}' is no subscription: it has no rules.")
        return self.entity


class Operation(NamedTuple):
    """What an operation does, the right it takes, and the credits beside those for messages."""

    right: Right
    run: Callable[[Call], Result]
    cost: int = 0


def number(call: Call, name: str) -> int:
    """A field that is a whole number."""
    return field(call.body, name, int)


def field(body: dict[Any, Any], name: str, kind: type[_Kind]) -> _Kind:
    """A field of a certain type.

    Raises:
        BadRequestError: It is missing or of another type.
    """
    value = body.get(name)
    if not isinstance(value, kind):
        raise BadRequestError(f"The field '{name}' is missing or of another type.")
    return value


def session_id(call: Call) -> str | None:
    """The session that a request is about, if it names one.

    Raises:
        BadRequestError: It names something else.
    """
    return None if call.body.get("session-id") is None else field(call.body, "session-id", str)


def items(call: Call, name: str, kind: type[_Kind]) -> list[_Kind]:
    """The items of an array or a list, which clients use alike.

    Raises:
        BadRequestError: It is missing or of another type.
    """
    value = call.body.get(name)
    found = value.items if isinstance(value, Array) else value
    if not isinstance(found, (list, tuple)) or not all(isinstance(item, kind) for item in found):
        raise BadRequestError(f"The field '{name}' is missing or of another type.")
    return list(found)
