"""The messages of a queue in the order of their sequence numbers."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING

from servicebus_emulator.broker.message import MessageState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicebus_emulator.broker.message import Message

_SLACK = 64


class MessageStore:
    """Messages by sequence number, how many there are in each state, and their sum of bytes.

    Adding at the end and removing cost O(1); adding in between, which only dead-lettering and
    moving scheduled messages do, costs a bisection and a shift of pointers.
    """

    __slots__ = ("_counts", "_first", "_messages", "_order", "size_in_bytes")

    def __init__(self) -> None:
        self._messages: dict[int, Message] = {}
        self._order: list[int] = []  # ascending; numbers of removed messages go lazily
        self._first = 0  # where in that the first message stands; no message is before
        self._counts = [0] * len(MessageState)
        self.size_in_bytes = 0

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages.values())

    def add(self, message: Message) -> None:
        """Keep a message under its sequence number, which must be free."""
        number = message.sequence_number
        if not self._order or number > self._order[-1]:
            self._order.append(number)
        else:
            bisect.insort(self._order, number, lo=self._first)
        self._messages[number] = message
        self._counts[message.state] += 1
        self.size_in_bytes += message.size

    def remove(self, message: Message) -> None:
        """Forget a message that is here."""
        messages, order = self._messages, self._order
        del messages[message.sequence_number]
        self._counts[message.state] -= 1
        self.size_in_bytes -= message.size
        if len(order) > 2 * len(messages) + _SLACK:
            self._order = [number for number in order if number in messages]
            self._first = 0
        elif order[self._first] == message.sequence_number:
            first, end = self._first + 1, len(order)
            while first < end and order[first] not in messages:
                first += 1
            self._first = first

    def set_state(self, message: Message, state: MessageState) -> None:
        """Give a message that is here another state."""
        self._counts[message.state] -= 1
        self._counts[state] += 1
        message.state = state

    def changed(self, message: Message) -> None:
        """Something else about a message that is here has changed."""

    def touch(self) -> None:
        """The entity has counted on, without keeping a message."""

    def clear(self) -> None:
        """Forget all messages."""
        self._messages.clear()
        self._order.clear()
        self._first = 0
        self._counts = [0] * len(MessageState)
        self.size_in_bytes = 0

    def count(self, state: MessageState) -> int:
        """How many messages are in that state."""
        return self._counts[state]

    def get(self, sequence_number: int) -> Message | None:
        """The message of that number, if it is here."""
        return self._messages.get(sequence_number)

    def starting_at(self, sequence_number: int) -> Iterator[Message]:
        """The messages from that number on, in order; the store must not change meanwhile."""
        begin = bisect.bisect_left(self._order, sequence_number, lo=self._first)
        for index in range(begin, len(self._order)):
            message = self._messages.get(self._order[index])
            if message is not None:
                yield message
