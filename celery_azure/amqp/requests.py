"""A pair of links on which requests go out and answers come in: `$cbs` and `$management`.

Source: AMQP Management 1.0 (working draft) and, for the operations,
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from celery_azure.amqp.codec import CodecError, UInt
from celery_azure.amqp.frames import ACCEPTED, AmqpError, Attach
from celery_azure.amqp.isolation import call_each
from celery_azure.amqp.link import Link
from celery_azure.amqp.messages import Message, Received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from celery_azure.amqp.frames import Outcome

ANSWER_SECONDS = 20.0
PERMANENT = frozenset(
    {
        "amqp:frame-size-too-small",
        "amqp:not-found",
        "amqp:not-allowed",
        "amqp:not-implemented",
        "amqp:unauthorized-access",
        "com.microsoft:auth-failed",
        "com.microsoft:entity-disabled",
    }
)
"""Conditions that waiting a moment does not mend, so that whoever waits is told."""

_MANY = 1_000
_OK = range(200, 300)
# What `$cbs` says by status alone; the service knows there already that an entity is missing.
_CONDITIONS = {"401": "amqp:unauthorized-access", "404": "amqp:not-found"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the body, or why there is none.

    Attributes:
        was_sent: There is none because it got lost; the request may have been carried out.
    """

    body: Any = None
    error: AmqpError | None = None
    was_sent: bool = False


class Request:
    """One request, until it is answered once."""

    __slots__ = ("done", "due", "message")

    def __init__(self, message: Message, due: float, done: Callable[[Answer], None]) -> None:
        self.message = message
        self.due = due
        self.done = done


class _RequestEnd(Link):
    """The link on which requests go out."""

    def __init__(self, owner: Requests, *, is_receiver: bool) -> None:
        super().__init__(owner.entity, owner.node)
        self.is_receiver = is_receiver
        self._owner = owner

    def attach_frame(self, name: str, handle: int, host: str) -> bytes:
        """Requests name the node as it is, without a host."""
        del host
        source, target = self.address, self.address
        if self.is_receiver:
            target = self._owner.reply_to
        else:
            source = self._owner.reply_to
        return Attach(name, handle, self.is_receiver, source, target).to_bytes()

    def on_attached(self, now: float) -> None:
        """Let answers in; send what waits."""
        if self.is_receiver and self.connection is not None:
            self.connection.give_credit(self, _MANY)
        self._owner.pump(now)

    def on_credit(self, now: float) -> None:
        """Send what waits."""
        self._owner.pump(now)

    def on_delivery(self, payload: bytes, delivery_id: int, tag: bytes, now: float) -> None:
        """Take an answer."""
        del tag, now
        if self.connection is not None:
            if not self.came_settled:
                self.connection.settle(self, delivery_id, ACCEPTED)
            if self.credit < _MANY // 2:
                self.connection.give_credit(self, _MANY)
        self._owner.on_answer(payload)

    def on_outcome(self, delivery_id: int, outcome: Outcome, now: float) -> None:
        """A request that was refused is answered by that."""
        del now
        self._owner.on_outcome(delivery_id, outcome)

    def on_down(self, error: AmqpError, now: float) -> None:
        """Neither of the two serves without the other."""
        del now
        self._owner.on_down(error, was_refused=self.was_refused)


class Requests:
    """Asks a node, and finds the request to each answer.

    Args:
        entity: Whose authorization is needed; None for `$cbs`.
        node: The address of the node.
        status: The name of the status code in its answers.
    """

    def __init__(self, entity: str | None, node: str, *, status: str = "statusCode") -> None:
        self.entity = entity
        self.node = node
        self.reply_to = f"{node}-reply-{uuid4().hex}"
        self._status = status
        self.receiver = _RequestEnd(self, is_receiver=True)
        self.sender = _RequestEnd(self, is_receiver=False)
        self._waiting: deque[Request] = deque()
        self._asked: dict[str, Request] = {}
        self._deliveries: dict[int, str] = {}

    @property
    def links(self) -> tuple[Link, Link]:
        """Both links, in the order in which to attach them."""
        return self.receiver, self.sender

    def ask(self, message: Message, now: float, done: Callable[[Answer], None]) -> None:
        """Send a request when that is possible; `done` is called once."""
        self._waiting.append(Request(message, now + ANSWER_SECONDS, done))
        self.pump(now)

    def operation(
        self, name: str, body: dict[str, Any], now: float, done: Callable[[Answer], None]
    ) -> None:
        """Ask for an operation of Service Bus' `$management`."""
        properties = {
            "operation": f"com.microsoft:{name}",
            "type": "entity-mgmt",
            "com.microsoft:server-timeout": UInt(int(ANSWER_SECONDS * 1000)),
        }
        self.ask(Message(value=body, properties=properties), now, done)

    def pump(self, now: float) -> None:
        """Send what waits, if both links are there."""
        del now
        connection = self.sender.connection
        if not (self.receiver.is_attached and self.sender.is_attached) or connection is None:
            return
        while self._waiting and self.sender.credit > 0:
            request = self._waiting.popleft()
            name = str(uuid4())
            request.message.message_id, request.message.reply_to = name, self.reply_to
            try:
                payload = request.message.to_bytes()
            except CodecError as error:
                request.done(Answer(error=AmqpError("amqp:invalid-field", str(error))))
                continue
            self._asked[name] = request
            self._deliveries[connection.send(self.sender, payload)] = name

    def on_answer(self, payload: bytes) -> None:
        """Find the request and tell it."""
        try:
            answer = Received(payload)
        except CodecError:
            return
        request = self._asked.pop(str(answer.correlation_id), None)
        if request is None:
            return
        told = answer.properties
        code = told.get(self._status)
        code = code if isinstance(code, int) else 0
        if code in _OK:
            request.done(Answer(body=answer.value))
            return
        condition = _text(told, "errorCondition", "error-condition")
        condition = condition or _CONDITIONS.get(str(code)) or f"status {code}"
        described = _text(told, "statusDescription", "status-description")
        request.done(Answer(error=AmqpError(condition, described)))

    def on_outcome(self, delivery_id: int, outcome: Outcome) -> None:
        """Fail a request that the node did not take."""
        name = self._deliveries.pop(delivery_id, None)
        if name is None or outcome.is_accepted:
            return
        request = self._asked.pop(name, None)
        if request is not None:
            error = outcome.error or AmqpError("amqp:internal-error", "the request was refused")
            request.done(Answer(error=error))

    def on_down(self, error: AmqpError, *, was_refused: bool) -> None:
        """Fail what was asked; what waits can wait, unless the node refuses."""
        asked, waiting = list(self._asked.values()), list(self._waiting)
        self._asked.clear()
        self._deliveries.clear()
        try:
            _fail(asked, Answer(error=error, was_sent=True))
        finally:
            if was_refused and error.condition in PERMANENT:
                self._waiting.clear()
                _fail(waiting, Answer(error=error))

    def expire(self, now: float) -> None:
        """Fail what has not been answered in time."""
        late = AmqpError("com.microsoft:timeout", f"{self.node} does not answer")
        names = [name for name, request in self._asked.items() if request.due <= now]
        asked = [self._asked.pop(name) for name in names]
        waiting: list[Request] = []
        while self._waiting and self._waiting[0].due <= now:
            waiting.append(self._waiting.popleft())
        try:
            _fail(asked, Answer(error=late, was_sent=True))
        finally:
            _fail(waiting, Answer(error=late))


def _fail(requests: Iterable[Request], answer: Answer) -> None:
    call_each(partial(request.done, answer) for request in requests)


def _text(properties: dict[Any, Any], *names: str) -> str:
    """The first of these that is text; empty when none is."""
    found = (properties.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")
