"""A queue with a sender and a receiver on it; opening them costs the SDK a second."""

from dataclasses import dataclass
from typing import Any

from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSender,
)

LONG = 60.0  # seconds after which a message that ought to come is given up
SHORT = 0.3  # seconds in which a message that must not come would have come


@dataclass
class Line:
    queue: str
    sender: ServiceBusSender
    receiver: ServiceBusReceiver

    def send(self, *bodies: str, **properties: Any) -> None:
        self.sender.send_messages([ServiceBusMessage(body, **properties) for body in bodies])

    def receive(self, count: int) -> list[ServiceBusReceivedMessage]:
        """Exactly `count` messages, in the order in which they came."""
        messages: list[ServiceBusReceivedMessage] = []
        while len(messages) < count:
            more = self.receiver.receive_messages(count - len(messages), max_wait_time=LONG)
            assert more, f"only {len(messages)} of {count} messages came"
            messages += more
        return messages

    def receive_one(self) -> ServiceBusReceivedMessage:
        [message] = self.receive(1)
        return message

    def take(self, count: int) -> list[ServiceBusReceivedMessage]:
        """Receive and complete."""
        messages = self.receive(count)
        for message in messages:
            self.receiver.complete_message(message)
        return messages

    def take_one(self) -> ServiceBusReceivedMessage:
        [message] = self.take(1)
        return message

    def is_silent(self) -> bool:
        return not self.receiver.receive_messages(1, max_wait_time=SHORT)
