from typing import TYPE_CHECKING

import pytest

from servicebus_emulator.amqp.message import BareMessage, encode_bare
from servicebus_emulator.amqp.outcomes import (
    Accepted,
    Declared,
    DeliveryState,
    Modified,
    Outcome,
    Rejected,
    Released,
    TransactionalState,
)
from servicebus_emulator.amqp.transactions import Declare, Discharge, write_request
from servicebus_emulator.amqp.types import Described, ULong
from servicebus_emulator.nodes.coordinator import MAX_REQUEST_SIZE, TIMEOUT_SECONDS
from tests.unit.servicebus_emulator.amqp.state_transfers import send_with_state
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body

if TYPE_CHECKING:
    from servicebus_emulator.amqp.link import Link

COORDINATOR = Described(ULong(0x30), [None])


class Transactor(Client):
    """A client with a link to the coordinator."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.controller = self.sender("coordinator", COORDINATOR)

    def ask(self, payload: bytes) -> DeliveryState | None:
        self.outcomes()  # of what was sent before
        self.send(self.controller, payload)
        [outcome] = self.outcomes()
        return outcome

    def request(self, request: Declare | Discharge) -> DeliveryState | None:
        return self.ask(encode_bare(BareMessage(value=write_request(request), has_value=True)))

    def declare(self) -> bytes:
        outcome = self.request(Declare())
        assert isinstance(outcome, Declared)
        return outcome.txn_id

    def discharge(self, txn_id: bytes, *, fail: bool = False) -> DeliveryState | None:
        return self.request(Discharge(txn_id, fail))

    def post(self, link: "Link", text: str, txn_id: bytes) -> DeliveryState | None:
        send_with_state(link, body(text), TransactionalState(txn_id))
        self.world.turn()
        [outcome] = self.outcomes()
        return outcome


def condition(outcome: DeliveryState | None) -> str:
    assert isinstance(outcome, Rejected)
    assert outcome.error is not None
    return outcome.error.condition


@pytest.fixture
def world() -> World:
    return World(orders={}, invoices={})


@pytest.fixture
def client(world: World) -> Transactor:
    return Transactor(world)


def counts(world: World) -> tuple[int, int]:
    return len(world.queue("orders")), len(world.queue("invoices"))


def test_what_is_sent_in_a_transaction_is_there_with_the_commit(
    world: World, client: Transactor
) -> None:
    orders, invoices, txn_id = client.sender(), client.sender("invoices"), client.declare()

    assert client.post(orders, "1", txn_id) == TransactionalState(txn_id, Accepted())
    assert client.post(invoices, "2", txn_id) == TransactionalState(txn_id, Accepted())
    assert counts(world) == (0, 0)
    assert client.discharge(txn_id) == Accepted()
    assert counts(world) == (1, 1)


def test_what_is_sent_in_a_transaction_is_nowhere_after_the_rollback(
    world: World, client: Transactor
) -> None:
    txn_id = client.declare()
    client.post(client.sender(), "1", txn_id)

    assert client.discharge(txn_id, fail=True) == Accepted()
    assert counts(world) == (0, 0)


@pytest.mark.parametrize(
    ("decision", "echo"),
    [
        (Accepted(), Accepted()),
        (Released(), Released()),
        (Modified(True, True), Modified(True, True)),
        (Rejected(), Rejected()),
    ],
)
def test_a_settlement_in_a_transaction_comes_with_the_commit(
    world: World, client: Transactor, decision: Outcome, echo: Outcome
) -> None:
    client.send(client.sender(), body("1"))
    client.receiver(credit=1)
    [delivery], txn_id = client.deliveries(), client.declare()

    answer = client.settle(delivery, TransactionalState(txn_id, decision))

    assert answer == TransactionalState(txn_id, echo)
    assert world.queue().locked_count == 1
    assert client.discharge(txn_id) == Accepted()
    assert world.queue().locked_count == 0


def test_a_message_is_taken_and_another_one_sent_or_neither(
    world: World, client: Transactor
) -> None:
    client.send(client.sender(), body("1"))
    client.receiver(credit=1)
    [delivery], sender, txn_id = client.deliveries(), client.sender("invoices"), client.declare()
    client.settle(delivery, TransactionalState(txn_id, Accepted()))
    client.post(sender, "2", txn_id)

    world.pass_time(61.0)  # the lock has ended

    assert condition(client.discharge(txn_id)) == "amqp:transaction:rollback"
    assert counts(world) == (1, 0)


def test_a_message_stays_locked_after_a_rollback(world: World, client: Transactor) -> None:
    client.send(client.sender(), body("1"))
    client.receiver(credit=1)
    [delivery], txn_id = client.deliveries(), client.declare()
    client.settle(delivery, TransactionalState(txn_id, Accepted()))
    client.discharge(txn_id, fail=True)

    assert world.queue().locked_count == 1
    world.pass_time(61.0)
    assert (len(world.queue()), world.queue().locked_count) == (1, 0)


def test_a_refused_message_is_not_in_the_transaction(world: World, client: Transactor) -> None:
    sender, txn_id = client.sender("orders/$DeadLetterQueue"), client.declare()

    assert condition(client.post(sender, "1", txn_id)) == "com.microsoft:argument-error"
    assert client.discharge(txn_id) == Accepted()


def test_a_refused_settlement_is_not_in_the_transaction(world: World, client: Transactor) -> None:
    client.send(client.sender(), body("1"))
    client.receiver(credit=1)
    [delivery], txn_id = client.deliveries(), client.declare()
    world.queue().clear()

    answer = client.settle(delivery, TransactionalState(txn_id, Accepted()))

    assert condition(answer) == "com.microsoft:message-lock-lost"


def test_a_settlement_in_a_transaction_needs_a_decision(world: World, client: Transactor) -> None:
    client.send(client.sender(), body("1"))
    client.receiver(credit=1)
    [delivery], txn_id = client.deliveries(), client.declare()

    assert condition(client.settle(delivery, TransactionalState(txn_id))) == "amqp:invalid-field"


def test_an_id_is_worth_nothing_once_it_is_discharged(client: Transactor) -> None:
    txn_id = client.declare()
    client.discharge(txn_id)

    assert condition(client.discharge(txn_id)) == "amqp:transaction:unknown-id"
    assert condition(client.post(client.sender(), "1", txn_id)) == "amqp:transaction:unknown-id"


def test_an_id_is_known_on_its_connection_only(world: World, client: Transactor) -> None:
    txn_id, stranger = client.declare(), Transactor(world)

    assert condition(stranger.discharge(txn_id)) == "amqp:transaction:unknown-id"
    assert client.discharge(txn_id) == Accepted()


def test_a_transaction_may_not_take_for_ever(world: World, client: Transactor) -> None:
    txn_id, sender = client.declare(), client.sender()
    client.send(sender, body("0"))
    client.receiver(credit=1)
    [delivery] = client.deliveries()
    client.outcomes()
    assert world.container.next_deadline() is not None
    world.pass_time(TIMEOUT_SECONDS)

    assert condition(client.post(sender, "1", txn_id)) == "amqp:transaction:timeout"
    answer = client.settle(delivery, TransactionalState(txn_id, Accepted()))
    assert condition(answer) == "amqp:transaction:timeout"
    assert condition(client.discharge(txn_id)) == "amqp:transaction:timeout"
    assert condition(client.discharge(txn_id)) == "amqp:transaction:unknown-id"


def test_transactions_end_with_the_link_that_declared_them(
    world: World, client: Transactor
) -> None:
    txn_id, sender = client.declare(), client.sender()
    client.post(sender, "1", txn_id)
    client.controller.detach()
    world.turn()

    assert condition(client.post(sender, "2", txn_id)) == "amqp:transaction:unknown-id"
    assert counts(world) == (0, 0)


def test_open_transactions_are_bounded(client: Transactor) -> None:
    for _ in range(100):
        client.declare()

    assert condition(client.request(Declare())) == "amqp:resource-limit-exceeded"


def test_distributed_transactions_are_refused(client: Transactor) -> None:
    request = Declare(global_id=Described(ULong(1), []))

    assert condition(client.request(request)) == "amqp:not-implemented"


@pytest.mark.parametrize("payload", [body("declare"), b"garbage", b"x" * (MAX_REQUEST_SIZE + 1)])
def test_a_coordinator_understands_declare_and_discharge_only(
    client: Transactor, payload: bytes
) -> None:
    assert condition(client.ask(payload)) == "amqp:decode-error"
    assert client.declare()


def test_a_request_to_a_management_node_cannot_be_in_a_transaction(client: Transactor) -> None:
    txn_id = client.declare()
    client.receiver("orders/$management", credit=1)
    outcome = client.post(client.sender("orders/$management"), "peek", txn_id)

    assert condition(outcome) == "amqp:not-implemented"
