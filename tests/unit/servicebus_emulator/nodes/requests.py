"""A client that asks a request node and reads its answers."""

from typing import Any

from servicebus_emulator.amqp import message, sections
from servicebus_emulator.amqp.message import BareMessage, Properties
from tests.unit.servicebus_emulator.nodes.in_memory import Client


class Asker:
    def __init__(self, client: Client, node: str) -> None:
        self.client = client
        self.node = node
        self.reply_link = client.receiver(node, credit=1)
        self.request_link = client.sender(node)

    def ask(self, value: Any, message_id: Any = "id", **properties: Any) -> BareMessage:
        """Send a request with an amqp-value body; gives the response."""
        request = BareMessage(
            properties=Properties(message_id=message_id),
            application_properties=properties,
            value=value,
            has_value=True,
        )
        self.client.send(self.request_link, message.encode_bare(request))
        [delivery] = self.client.deliveries()
        return message.decode_bare(sections.split(delivery.payload).bare)
