"""Sending a message with a delivery state, as clients do in transactions and the emulator never."""

from servicebus_emulator.amqp.link import Link
from servicebus_emulator.amqp.outcomes import DeliveryState, to_described
from servicebus_emulator.amqp.performatives import Transfer
from servicebus_emulator.amqp.schemas import encode_body


def send_with_state(
    link: Link, payload: bytes, state: DeliveryState, *, settled: bool = False
) -> None:
    session = link.session
    delivery_id = session._next_delivery_id
    session._next_delivery_id += 1
    tag = delivery_id.to_bytes(4, "big")
    if not settled:
        session.sent.add(delivery_id, link, tag)
    link._credit.spend()
    transfer = Transfer(
        link.handle, delivery_id, tag, 0, settled=settled, state=to_described(state)
    )
    session.transfers.put(link, encode_body(transfer), payload)
