"""Request and response over a pair of links, as `$cbs` and `$management` work.

The client sends requests on one link and reads responses on another of the same node. Which one, is
told by the request's reply-to when it names the target of a link; the Python SDK repeats the node's
own address there or leaves it out, so the latest link of the same session serves as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from servicebus_emulator.amqp import errors, message, sections
from servicebus_emulator.amqp.errors import AmqpError, DecodeError, EncodeError
from servicebus_emulator.amqp.message import BareMessage, Properties
from servicebus_emulator.amqp.outcomes import Accepted, Rejected, TransactionalState
from servicebus_emulator.amqp.performatives import Target
from servicebus_emulator.nodes.link_end import LinkEnd

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.amqp.events import DeliveryReceived
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.nodes.peer import Peer

REQUEST_CREDIT = 100
_MOST_UNREAD = 4 * 1024 * 1024  # bytes of responses that leave together
_MOST_WAITING = 256  # frames of responses for which the client's session window is closed
MAX_REQUEST_SIZE = 1024 * 1024


class RequestNode(Protocol):
    """Something that answers requests."""

    def answer(self, request: BareMessage, peer: Peer, now: float) -> BareMessage:
        """The response; correlation is seen to by the caller."""

    def refusal(self, status: int, condition: str, description: str) -> BareMessage:
        """A response that says no."""


class RequestInlet(LinkEnd):
    """The link on which a client sends its requests.

    Attributes:
        node_key: The node's path in lower case.
    """

    __slots__ = ("_node", "_peer", "_replies", "node_key")

    def __init__(self, link: Link, peer: Peer, node: RequestNode, node_key: str) -> None:
        super().__init__(link)
        self._peer = peer
        self._node = node
        self.node_key = node_key
        self._replies = 0

    def on_delivery(self, delivery: DeliveryReceived, now: float) -> None:
        """Answer a request; what is no request is rejected."""

        def answer(request: BareMessage) -> BareMessage:
            return self._node.answer(request, self._peer, now)

        self._reply(delivery, answer)

    def refuse(
        self, delivery: DeliveryReceived, status: int, condition: str, description: str
    ) -> None:
        """Answer a request with a refusal, without asking the node."""
        self._reply(delivery, lambda _: self._node.refusal(status, condition, description))

    def _reply(
        self, delivery: DeliveryReceived, answer: Callable[[BareMessage], BareMessage]
    ) -> None:
        try:
            reply, reply_link = self._respond(delivery, answer)
        except _NotARequestError as fault:
            if not delivery.settled:
                self.link.settle(delivery.delivery_id, outcome=Rejected(fault.error))
            return
        if not delivery.settled:
            self.link.settle(delivery.delivery_id, outcome=Accepted())
        self._replies += 1
        self._peer.unsent += len(reply)
        # Clients grant credit for responses once and forget to renew it.
        reply_link.send(
            reply,
            delivery_tag=self._replies.to_bytes(8, "big"),
            settled=True,
            ignore_credit=True,
        )

    def _respond(
        self, delivery: DeliveryReceived, answer: Callable[[BareMessage], BareMessage]
    ) -> tuple[bytes, Link]:
        if delivery.oversized:
            text = f"The request is larger than {MAX_REQUEST_SIZE} bytes."
            raise _NotARequestError(errors.MESSAGE_SIZE_EXCEEDED, text)
        if isinstance(delivery.state, TransactionalState):
            text = "Requests in a transaction are not supported by this emulator."
            raise _NotARequestError(errors.NOT_IMPLEMENTED, text)
        try:
            request = message.decode_bare(sections.split(delivery.payload).bare)
        except DecodeError as fault:
            raise _NotARequestError(fault.condition, fault.description) from fault
        asked = request.properties or Properties()
        reply_link = self._reply_link(asked.reply_to)
        if self._peer.unsent > _MOST_UNREAD or reply_link.waiting_frames > _MOST_WAITING:
            text = "Responses to earlier requests are still to be read."
            raise _NotARequestError(errors.RESOURCE_LIMIT_EXCEEDED, text)
        reply = answer(request)
        correlation_id = asked.correlation_id if asked.message_id is None else asked.message_id
        reply.properties = Properties(correlation_id=correlation_id)
        try:
            bare = message.encode_bare(reply)
        except EncodeError as fault:
            raise _NotARequestError(errors.INTERNAL_ERROR, str(fault)) from fault
        return message.join(None, None, None, bare), reply_link

    def _reply_link(self, reply_to: str | None) -> Link:
        known = self._peer.reply_links.get(self.node_key, [])
        links = [link for link in known if link.attached]
        named = [link for link in links if reply_to and _target_address(link) == reply_to]
        nearby = [link for link in named or links if link.session is self.link.session]
        for candidates in (nearby, named, links):
            if candidates:
                return candidates[-1]
        text = "There is no link on which this node could send its response."
        raise _NotARequestError(errors.PRECONDITION_FAILED, text)


class ReplyOutlet(LinkEnd):
    """The link on which a client reads responses.

    Attributes:
        node_key: The node's path in lower case.
    """

    __slots__ = ("_links", "node_key")

    def __init__(self, link: Link, peer: Peer, node_key: str) -> None:
        super().__init__(link)
        self.node_key = node_key
        self._links = peer.reply_links.setdefault(node_key, [])
        self._links.append(link)

    def on_gone(self, now: float) -> None:
        """Answer elsewhere from now on."""
        del now
        self._links.remove(self.link)


def response(body: Any, application_properties: dict[str, Any]) -> BareMessage:
    """A response with an amqp-value body."""
    return BareMessage(
        properties=None,
        application_properties=application_properties,
        data=[],
        sequences=[],
        value=body,
        has_value=True,
        footer={},
    )


def _target_address(link: Link) -> str | None:
    target = link.remote.target if link.remote else None
    return target.address if isinstance(target, Target) else None


class _NotARequestError(Exception):
    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.error = AmqpError(condition, description)
