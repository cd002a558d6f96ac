"""A queue in another process, over AMQP and HTTP, with the methods of the broker's queue."""

import http.client
import json
import math
from itertools import count
from typing import Any
from uuid import UUID

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.link import Link
from servicebus_emulator.amqp.message import (
    BareMessage,
    Properties,
    decode_annotations,
    decode_bare,
    decode_header,
    decode_identity,
    encode_bare,
    join,
)
from servicebus_emulator.amqp.outcomes import Accepted, Modified, Outcome, Rejected, Released
from servicebus_emulator.amqp.performatives import RECEIVER, SENDER, Source, Target
from servicebus_emulator.amqp.sections import split
from servicebus_emulator.amqp.types import Array, Symbol, Timestamp, UInt
from servicebus_emulator.broker.errors import MessageLockLost, MessageNotFound
from servicebus_emulator.broker.message import Lock, Message, MessageState, ReceiveMode
from servicebus_emulator.nodes.message_mapping import BATCH_FORMAT
from tests.integration.emulator.raw_client import RawClient

_EVERYTHING = 1000
_DECISIONS: dict[str, Outcome] = {
    "complete": Accepted(),
    "abandon": Modified(delivery_failed=True),
    "release": Released(),
    "defer": Modified(delivery_failed=True, undeliverable_here=True),
    "dead_letter": Rejected(AmqpError("com.microsoft:dead-letter")),
}
_STATUSES = {
    "complete": "completed",
    "abandon": "abandoned",
    "defer": "defered",
    "dead_letter": "suspended",
}


class RemoteNamespace:
    """The clock of an emulator in another process: frozen, and 0 when this is made.

    Everything that was in the emulator before is removed. That 0 is a whole second: the wire has
    milliseconds, and what is due in 5 s would else be due a part of one too early or too late.
    """

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.ask("POST", "/reset?entities=keep")
        now = float(self.ask("POST", "/clock/freeze")["epoch"])
        rest = math.ceil(now) - now
        self.begin = float(self.ask("POST", f"/clock/advance?seconds={rest}")["epoch"])
        self._now = 0.0

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str) -> Any:
        """What the control interface answers."""
        self._http.request(method, f"/emulator{path}")
        response = self._http.getresponse()
        answer = response.read()
        assert response.status < 300, answer
        return json.loads(answer or b"null")

    def expire(self, now: float) -> None:
        self.ask("POST", f"/clock/advance?seconds={now - self._now}")
        self._now = now

    def next_deadline(self) -> float | None:
        wait: float | None = self.ask("GET", "/clock")["next_change_in"]
        return None if wait is None else self._now + wait

    def milliseconds(self, now: float) -> Timestamp:
        return Timestamp(round((self.begin + now) * 1000))

    def seconds(self, milliseconds: int) -> float:
        """A time of the wire as the model has it."""
        return milliseconds / 1000 - self.begin


class Grave:
    """A dead-letter queue, looked at from outside."""

    def __init__(self, namespace: RemoteNamespace, path: str) -> None:
        self._namespace = namespace
        self.path = path

    def peek(self, first: int, most: int, _now: float) -> list[Message]:
        query = f"from={first}&count={min(most, _EVERYTHING)}"
        found = self._namespace.ask("GET", f"/messages/{self.path}?{query}")["messages"]
        return [self._message(each) for each in found]

    def _message(self, document: dict[str, Any]) -> Message:
        state, lock = MessageState.ACTIVE, None
        if document["state"] == "locked":
            lock = Lock(UUID(document["lock"]["token"]), 0.0)
        else:
            state = MessageState[document["state"].upper()]
        return Message(
            document["message_id"],
            b"",
            document["size"],
            sequence_number=document["sequence_number"],
            state=state,
            lock=lock,
        )


class RemoteQueue(Grave):
    """A queue with one sender, and a receiver for each mode."""

    def __init__(self, namespace: RemoteNamespace, client: RawClient, path: str) -> None:
        super().__init__(namespace, path)
        self.dead_letter_queue = Grave(namespace, f"{path}/$DeadLetterQueue")
        self._client = client
        self._tags = count()
        self._deliveries: dict[UUID, events.DeliveryReceived] = {}
        self._sender = self._attach(SENDER, path)
        self._receivers = {
            mode: self._attach(RECEIVER, path, snd_settle_mode=int(mode is not _PEEK_LOCK))
            for mode in ReceiveMode
        }
        self._requests = self._attach(SENDER, f"{path}/$management")
        self._answers = self._attach(RECEIVER, f"{path}/$management", snd_settle_mode=1)
        self._answers.grant(1_000_000)

    def came_on_link(self, token: UUID) -> bool:
        """Whether a message was received as usual, not by its number."""
        return token in self._deliveries

    def send_batch(self, messages: list[Message], _now: float) -> None:
        parts = [_encoded(message) for message in messages]
        if len(parts) == 1:
            self._send(self._sender, parts[0])
        else:
            batch = encode_bare(BareMessage(data=parts))
            self._send(self._sender, batch, message_format=BATCH_FORMAT)
        numbers = {each.message_id: each.sequence_number for each in self.peek(0, _EVERYTHING, 0)}
        for message in messages:
            message.sequence_number = numbers[message.message_id]

    def schedule(self, messages: list[Message], _now: float) -> list[int]:
        wanted = []
        for message in messages:
            assert message.scheduled_enqueue_time is not None
            due = self._namespace.milliseconds(message.scheduled_enqueue_time)
            encoded = _encoded(message, {Symbol("x-opt-scheduled-enqueue-time"): due})
            wanted.append({"message-id": message.message_id, "message": encoded})
        answer = self._ask("schedule-message", {"messages": wanted})
        return list(answer["sequence-numbers"].items)

    def cancel_scheduled(self, numbers: list[int], _now: float) -> None:
        self._ask("cancel-scheduled-message", {"sequence-numbers": Array(int, tuple(numbers))})

    def receive(self, mode: ReceiveMode, _now: float) -> Message | None:
        link = self._receivers[mode]
        link.grant(1)
        link.drain()
        self._wait_for(events.LinkFlow, link)
        found = [event for event in self._taken(events.DeliveryReceived) if event.link is link]
        if not found:
            return None
        [delivery] = found
        message = self._received(delivery.payload)
        if not delivery.settled:
            token = UUID(bytes_le=delivery.delivery_tag)
            self._deliveries[token] = delivery
            message.lock = Lock(token, self._locked_until(delivery.payload))
        return message

    def receive_deferred(
        self, numbers: list[int], _mode: ReceiveMode, _now: float
    ) -> list[Message]:
        wanted = {
            "sequence-numbers": Array(int, tuple(numbers)),
            "receiver-settle-mode": UInt(1),
        }
        received = []
        for entry in self._ask("receive-by-sequence-number", wanted)["messages"]:
            message = self._received(entry["message"])
            message.lock = Lock(entry["lock-token"], self._locked_until(entry["message"]))
            received.append(message)
        return received

    def renew_lock(self, token: UUID, _now: float) -> float:
        answer = self._ask("renew-lock", {"lock-tokens": Array(UUID, (token,))})
        return self._namespace.seconds(answer["expirations"].items[0])

    def complete(self, token: UUID, _now: float) -> None:
        self._settle(token, "complete")

    def abandon(self, token: UUID, _now: float) -> None:
        self._settle(token, "abandon")

    def release(self, token: UUID, _now: float) -> None:
        self._settle(token, "release")

    def defer(self, token: UUID, _now: float) -> None:
        self._settle(token, "defer")

    def dead_letter(self, token: UUID, _now: float) -> None:
        self._settle(token, "dead_letter")

    def _settle(self, token: UUID, verb: str) -> None:
        """On the link that the message came on, where a second time and others cannot be told."""
        delivery = self._deliveries.pop(token, None)
        if delivery is None:
            status = _STATUSES.get(verb, "abandoned")
            tokens = Array(UUID, (token,))
            self._ask("update-disposition", {"disposition-status": status, "lock-tokens": tokens})
            return
        decision = _DECISIONS[verb]
        delivery.link.settle(delivery.delivery_id, outcome=decision, settled=False)
        outcome = self._wait_for(events.DispositionReceived, delivery.link).outcome
        if isinstance(outcome, Rejected) and outcome.error is not None:
            assert outcome.error.condition == "com.microsoft:message-lock-lost"
            raise MessageLockLost
        assert type(outcome) is type(decision)

    def _attach(self, role: bool, address: str, **fields: Any) -> Link:
        link = self._client.session.attach(
            f"{address}-{next(self._tags)}",
            role,
            source=Source("model" if role is SENDER else address),
            target=Target(address if role is SENDER else "model"),
            **{"snd_settle_mode": 0, **fields},
        )
        self._client.until(lambda: link.attached and (role is RECEIVER or link.credit > 0))
        return link

    def _send(self, link: Link, payload: bytes, **fields: Any) -> None:
        self._client.until(lambda: link.credit > 0)
        link.send(payload, delivery_tag=next(self._tags).to_bytes(4, "big"), **fields)
        assert self._wait_for(events.DispositionReceived, link).outcome == Accepted()

    def _ask(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        request = BareMessage(
            Properties(message_id="id", reply_to="model"),
            {"operation": f"com.microsoft:{operation}"},
            value=body,
            has_value=True,
        )
        self._send(self._requests, encode_bare(request))
        payload = self._wait_for(events.DeliveryReceived, self._answers).payload
        answer = decode_bare(split(payload).bare)
        properties = answer.application_properties
        match properties.get("errorCondition"):
            case None:
                assert properties["statusCode"] == 200
                return dict(answer.value)
            case "com.microsoft:message-lock-lost":
                raise MessageLockLost
            case "com.microsoft:message-not-found":
                raise MessageNotFound(0, "")
        raise AssertionError(properties)

    def _wait_for(self, kind: Any, link: Link) -> Any:
        """Take an event of a link out of those that have come."""
        heard = self._client.events

        def found() -> list[Any]:
            return [each for each in heard if isinstance(each, kind) and each.link is link]

        self._client.until(lambda: bool(found()))
        first = found()[0]
        heard[:] = [each for each in heard if each is not first]
        return first

    def _taken(self, kind: Any) -> list[Any]:
        return self._client.taken(kind)

    def _received(self, payload: bytes) -> Message:
        sections = split(payload)
        annotations = decode_annotations(sections.message_annotations)
        return Message(
            decode_identity(sections.bare)[0],
            sections.bare,
            len(payload),
            sequence_number=annotations["x-opt-sequence-number"],
            delivery_count=decode_header(sections.header).delivery_count,
        )

    def _locked_until(self, payload: bytes) -> float:
        annotations = decode_annotations(split(payload).message_annotations)
        return self._namespace.seconds(annotations["x-opt-locked-until"])


_PEEK_LOCK = ReceiveMode.PEEK_LOCK


def _encoded(message: Message, annotations: dict[Any, Any] | None = None) -> bytes:
    bare = encode_bare(BareMessage(Properties(message_id=message.message_id), data=[b"x"]))
    return join(None, None, annotations, bare)
