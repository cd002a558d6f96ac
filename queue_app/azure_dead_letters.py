"""The dead-letter queue on Service Bus.

The SDK's clients block, so they run in a thread of their own; each call opens its own links, since
dead letters are an operator's business and rare.
"""

import asyncio
import hashlib
import json
import re
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self, TypeVar

from azure.core.exceptions import AzureError
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSender,
    ServiceBusSubQueue,
)

from celery_azure.amqp.messages import FIRST_COPY
from queue_app.dead_letters import MAX_SETTLED, DeadLetter, Settled
from queue_app.errors import BrokerUnavailable
from queue_app.settings import Settings

_THREADS = 2
_AT_ONCE = 100
_MAX_HELD = 5_000  # letters that are locked and passed over in the search for others
_LAST_WAIT_SECONDS = 1.0
_FRESH_SECONDS = 3.0  # with the last wait, less than five: see `Letters`
_LONGEST_ID = 128  # characters of a message-id
_REQUEUED = re.compile(r":requeued-(\d+)$", re.ASCII)
_OWN_PROPERTIES = frozenset({"DeadLetterReason", "DeadLetterErrorDescription", FIRST_COPY})

_Result = TypeVar("_Result")
_Settle = Callable[[ServiceBusReceivedMessage], None]


class AzureDeadLetters:
    """The dead letters of the queue that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(_THREADS, "dead-letters")

    async def page(self, after: int, limit: int) -> list[DeadLetter]:
        """Return the letters behind a sequence number, without their payloads."""
        letters = await self._run(self._peek, after + 1, limit)
        return [replace(letter, payload=None) for letter in letters]

    async def find(self, sequence_number: int) -> DeadLetter | None:
        """Return one letter; None when it is not there."""
        letters = await self._run(self._peek, sequence_number, 1)
        found = [letter for letter in letters if letter.sequence_number == sequence_number]
        return found[0] if found else None

    async def requeue(self, numbers: Sequence[int] | None) -> Settled:
        """Send letters to the queue again, then take them out of the dead-letter queue."""
        return await self._run(self._requeue, numbers)

    async def delete(self, numbers: Sequence[int] | None) -> Settled:
        """Remove letters for ever."""
        return await self._run(self._delete, numbers)

    async def aclose(self) -> None:
        """Release threads; may be called twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, call, *arguments)
        except (AzureError, ValueError, OSError):
            raise BrokerUnavailable("The broker does not give the dead letters.") from None

    def _client(self) -> ServiceBusClient:
        return self._settings.service_bus_endpoint.client(retry_total=1)

    def _receiver(self, client: ServiceBusClient) -> ServiceBusReceiver:
        return client.get_queue_receiver(
            self._settings.service_bus_queue_name, sub_queue=ServiceBusSubQueue.DEAD_LETTER
        )

    def _peek(self, first: int, limit: int) -> list[DeadLetter]:
        with self._client() as client, self._receiver(client) as receiver:
            messages = receiver.peek_messages(max_message_count=limit, sequence_number=first)
            return [describe(message) for message in messages]

    def _delete(self, numbers: Sequence[int] | None) -> Settled:
        with self._client() as client, Letters(lambda: self._receiver(client)) as letters:
            return _settle_each(letters, numbers, letters.complete)

    def _requeue(self, numbers: Sequence[int] | None) -> Settled:
        queue = self._settings.service_bus_queue_name
        with (
            self._client() as client,
            client.get_queue_sender(queue) as sender,
            Letters(lambda: self._receiver(client)) as letters,
        ):
            return _settle_each(
                letters, numbers, lambda message: _send_again(sender, letters, message)
            )


class Letters:
    """Dead letters that are received; those that are held are given back in the end.

    From its fifth second on, a receiver of the SDK reads its frames in a thread of its own as well,
    and now and then a letter is taken for the one before it. So a fresh one receives before that.

    Args:
        new_receiver: Makes a receiver, which connects when it is used.
        clock: A monotonic clock, in seconds.

    Attributes:
        held: How many letters are held.
    """

    def __init__(
        self,
        new_receiver: Callable[[], ServiceBusReceiver],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.held = 0
        self._new_receiver = new_receiver
        self._clock = clock
        self._opened_at = clock()
        self._receiver = new_receiver()
        self._holders: dict[ServiceBusReceiver, list[ServiceBusReceivedMessage]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what is held, and close."""
        for receiver, messages in self._holders.items():
            for message in messages:
                with suppress(AzureError):  # its lock has ended: then it is free already
                    receiver.abandon_message(message)
        for receiver in {self._receiver, *self._holders}:
            receiver.close()

    def receive(self, count: int) -> list[ServiceBusReceivedMessage]:
        """Lock the next letters, as many as there are and at most `count`."""
        now = self._clock()
        if now - self._opened_at > _FRESH_SECONDS:
            if self._receiver not in self._holders:
                self._receiver.close()
            self._receiver, self._opened_at = self._new_receiver(), now
        return self._receiver.receive_messages(count, max_wait_time=_LAST_WAIT_SECONDS)

    def complete(self, message: ServiceBusReceivedMessage) -> None:
        """Remove a letter that was received last."""
        self._receiver.complete_message(message)

    def hold(self, message: ServiceBusReceivedMessage) -> None:
        """Keep a letter locked that was received last."""
        self.held += 1
        self._holders.setdefault(self._receiver, []).append(message)


def _send_again(
    sender: ServiceBusSender, letters: Letters, message: ServiceBusReceivedMessage
) -> None:
    """In this order: a death in between leaves the message twice, and never nowhere."""
    sender.send_messages(copy_of(message))
    letters.complete(message)


def _settle_each(letters: Letters, numbers: Sequence[int] | None, settle: _Settle) -> Settled:
    """Lock letters from the first on; settle those that are wanted, and hold the others.

    A letter that this call has sent again and that has come back is not settled another time.
    The service hands out messages in their order only, so that those before a wanted one are
    locked on the way.
    """
    wanted = None if numbers is None else set(numbers)
    done: list[int] = []
    is_at_end = False
    while wanted != set() and len(done) < MAX_SETTLED and letters.held < _MAX_HELD:
        batch = letters.receive(min(_AT_ONCE, MAX_SETTLED - len(done)))
        if not batch:
            is_at_end = True
            break
        for message in batch:
            number = message.sequence_number or 0
            is_asked = number in wanted if wanted is not None else _source(message) not in done
            if not is_asked:
                letters.hold(message)
                continue
            settle(message)
            done.append(number)
            if wanted is not None:
                wanted.discard(number)
    if wanted is None:
        return Settled(done, is_complete=is_at_end)
    return Settled(done, sorted(wanted), is_complete=is_at_end or not wanted)


def copy_of(message: ServiceBusReceivedMessage) -> ServiceBusMessage:
    """The message as it was sent, without what made it a dead letter.

    Its message-id is a new one, always the same for the same letter: with the old one, a queue
    that detects duplicates would drop it in silence within its window, and it would be lost.
    All attempts are before it.
    """
    properties = {
        key: value
        for key, value in (message.application_properties or {}).items()
        if _text(key) not in _OWN_PROPERTIES
    }
    for key in properties:
        if _text(key) == "retries":
            properties[key] = 0
    return ServiceBusMessage(
        body_of(message),
        application_properties=properties,
        message_id=_new_id(str(message.message_id), message.sequence_number or 0),
        session_id=message.session_id,
        content_type=message.content_type,
        correlation_id=message.correlation_id,
        subject=message.subject,
        reply_to=message.reply_to,
        reply_to_session_id=message.reply_to_session_id,
        to=message.to,
        time_to_live=message.time_to_live,
    )


def _new_id(message_id: str, sequence_number: int) -> str:
    """An id for the copy of a letter: no longer for having been requeued before."""
    mark = f":requeued-{sequence_number}"
    first = _REQUEUED.sub("", message_id)
    if len(first) + len(mark) > _LONGEST_ID:
        first = hashlib.blake2b(first.encode(), digest_size=16).hexdigest()
    return first + mark


def _source(message: ServiceBusReceivedMessage) -> int | None:
    """The letter that a message is the copy of; None when it is none."""
    mark = _REQUEUED.search(str(message.message_id))
    return None if mark is None else int(mark[1])


def describe(message: ServiceBusReceivedMessage) -> DeadLetter:
    """What can be said of a letter, whoever wrote the message."""
    body = body_of(message)
    properties = {
        _text(key): value for key, value in (message.application_properties or {}).items()
    }
    headers, arguments = _celery(body, properties)
    enqueued_at = message.enqueued_time_utc
    payload = arguments.get("payload")
    claim = arguments.get("claim")
    task_id = headers.get("id")
    return DeadLetter(
        sequence_number=message.sequence_number or 0,
        task_id=None if task_id is None else _text(task_id),
        task=_text(headers["task"]) if "task" in headers else None,
        reason=message.dead_letter_reason,
        description=message.dead_letter_error_description,
        enqueued_at=None if enqueued_at is None else enqueued_at.timestamp(),
        delivery_count=message.delivery_count or 0,
        message_bytes=len(body),
        payload=payload,
        claim=claim if isinstance(claim, str) else None,
    )


def body_of(message: ServiceBusReceivedMessage) -> bytes:
    """The body's bytes; of a body that is an AMQP value or sequence, its text."""
    body: Any = message.body
    if isinstance(body, bytes):
        return body
    try:
        return b"".join(body)
    except TypeError:
        return str(body).encode()


def _celery(body: bytes, properties: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The headers and the keyword arguments of a Celery message, of either shape; else empty."""
    try:
        if "task" in properties and "id" in properties:
            headers, content = properties, json.loads(body)
        else:
            envelope = json.loads(body)
            headers, text = envelope["headers"], envelope["body"]
            is_base64 = envelope["properties"].get("body_encoding") == "base64"
            content = json.loads(b64decode(text) if is_base64 else text)
        arguments: Any = content[1]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return {}, {}
    is_readable = isinstance(headers, dict) and isinstance(arguments, dict)
    return (headers, arguments) if is_readable else ({}, {})


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
