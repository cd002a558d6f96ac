"""Transactions over a real connection: no SDK for Python has them, those of .NET and Java do."""

from typing import TYPE_CHECKING

import pytest

from servicebus_emulator import ServiceBusEmulator, ThreadedEmulator
from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.message import BareMessage, encode_bare
from servicebus_emulator.amqp.outcomes import Accepted, Declared, DeliveryState, TransactionalState
from servicebus_emulator.amqp.performatives import SENDER, Source
from servicebus_emulator.amqp.transactions import Declare, Discharge, write_request
from servicebus_emulator.amqp.types import Described, ULong
from tests.integration.emulator.raw_client import RawClient
from tests.unit.servicebus_emulator.amqp.state_transfers import send_with_state

if TYPE_CHECKING:
    from tests.integration.emulator.conftest import QueueMaker

PAYLOAD = encode_bare(BareMessage(data=[b"message"]))


def outcome(client: RawClient) -> DeliveryState | None:
    client.wait_for(events.DispositionReceived)
    [event] = client.taken(events.DispositionReceived)
    return event.outcome


def counts(emulator: ThreadedEmulator, *queues: str) -> list[int]:
    def count(emulator: ServiceBusEmulator) -> list[int]:
        found = [emulator.namespace.get_queue(queue) for queue in queues]
        return [queue.counts(emulator.clock.now()).active for queue in found]

    return emulator.run(count)


@pytest.mark.parametrize(("fail", "expected"), [(False, [0, 1]), (True, [1, 0])])
def test_a_message_moves_to_another_queue_or_stays(
    emulator: ThreadedEmulator, make_queue: "QueueMaker", fail: bool, expected: list[int]
) -> None:
    here, there = make_queue(), make_queue()
    with RawClient(emulator.port) as client:
        client.send(here, PAYLOAD)
        client.receiver(here, credit=1)
        client.wait_for(events.DeliveryReceived)
        [delivery] = client.taken(events.DeliveryReceived)
        sender = client.sender(there)
        controller = client.session.attach(
            "controller",
            SENDER,
            source=Source("raw"),
            target=Described(ULong(0x30), [None]),
            snd_settle_mode=0,
        )
        client.until(lambda: controller.credit > 0)

        def ask(request: Declare | Discharge, tag: bytes) -> DeliveryState | None:
            payload = encode_bare(BareMessage(value=write_request(request), has_value=True))
            controller.send(payload, delivery_tag=tag)
            return outcome(client)

        declared = ask(Declare(), b"1")
        assert isinstance(declared, Declared)
        state = TransactionalState(declared.txn_id, Accepted())
        delivery.link.settle(delivery.delivery_id, outcome=state, settled=False)
        assert outcome(client) == state
        send_with_state(sender, PAYLOAD, TransactionalState(declared.txn_id))
        assert outcome(client) == state
        assert counts(emulator, here, there) == [1, 0]

        assert ask(Discharge(declared.txn_id, fail), b"2") == Accepted()
    assert counts(emulator, here, there) == expected
