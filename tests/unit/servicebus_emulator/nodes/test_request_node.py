import uuid

import pytest

from servicebus_emulator.amqp import events, message
from servicebus_emulator.amqp.message import BareMessage, Properties
from servicebus_emulator.amqp.outcomes import Accepted, Rejected
from servicebus_emulator.nodes.peer import Peer
from servicebus_emulator.nodes.request_node import MAX_REQUEST_SIZE, RequestInlet
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World
from tests.unit.servicebus_emulator.nodes.requests import Asker

MANAGEMENT = "orders/$management"


def request(reply_to: str | None = None) -> bytes:
    properties = Properties(message_id="id", reply_to=reply_to)
    return message.encode_bare(BareMessage(properties, value=None, has_value=True))


def condition(client: Client) -> str:
    [outcome] = client.outcomes()
    assert isinstance(outcome, Rejected)
    assert outcome.error is not None
    return outcome.error.condition


@pytest.mark.parametrize("message_id", [uuid.UUID(int=5), "text", b"bytes", 7])
def test_the_response_carries_the_requests_id_as_it_was(message_id: object) -> None:
    answer = Asker(Client(World()), "$cbs").ask(None, message_id)

    assert answer.properties is not None
    assert answer.properties.correlation_id == message_id
    assert isinstance(answer.properties.correlation_id, type(message_id))


def test_the_request_is_accepted_and_the_response_is_settled() -> None:
    client = Client(World())
    client.receiver("$cbs", credit=1)
    client.send(client.sender("$cbs"), request())

    assert client.outcomes() == [Accepted()]
    assert [delivery.settled for delivery in client.deliveries()] == [True]


def test_a_response_comes_though_the_credit_is_used_up() -> None:
    client = Client(World())
    asker = Asker(client, "$cbs")
    asker.ask(None)
    client.send(asker.request_link, request())
    error = client.detached()

    # The SDKs never renew this credit and read on; the client of these tests is strict about it.
    assert error is not None
    assert error.condition == "amqp:link:transfer-limit-exceeded"


def test_reply_to_names_the_link_by_its_target() -> None:
    client = Client(World())
    mine = client.receiver(MANAGEMENT, credit=1, reply_to="mine")
    client.receiver(MANAGEMENT, credit=1, reply_to="other")
    client.send(client.sender(MANAGEMENT), request(reply_to="mine"))

    assert [delivery.link for delivery in client.deliveries()] == [mine]


def test_a_link_of_the_same_session_is_preferred() -> None:
    client = Client(World())
    near = client.receiver(MANAGEMENT, credit=1)
    first, client.session = client.session, client.connection.begin()
    client.world.turn()
    client.receiver(MANAGEMENT, credit=1)
    client.session = first
    client.send(client.sender(MANAGEMENT), request())

    assert [delivery.link for delivery in client.deliveries()] == [near]


def test_a_request_that_nobody_could_answer_is_rejected() -> None:
    client = Client(World())
    client.send(client.sender("$cbs"), request())

    assert condition(client) == "amqp:precondition-failed"


def test_a_reply_link_that_is_gone_is_not_used() -> None:
    client = Client(World())
    client.receiver("$cbs", credit=1).detach()
    client.world.turn()
    client.send(client.sender("$cbs"), request())

    assert condition(client) == "amqp:precondition-failed"


def test_bytes_that_are_no_message_are_rejected() -> None:
    client = Client(World())
    client.receiver("$cbs", credit=1)
    client.send(client.sender("$cbs"), b"\xff")

    assert condition(client) == "amqp:decode-error"


def test_a_request_that_is_too_large_is_rejected() -> None:
    client = Client(World())
    client.receiver("$cbs", credit=1)
    client.send(
        client.sender("$cbs"), message.encode_bare(BareMessage(data=[bytes(MAX_REQUEST_SIZE)]))
    )

    assert condition(client) == "amqp:link:message-size-exceeded"


def test_a_bad_request_that_was_sent_settled_is_not_answered() -> None:
    client = Client(World())
    client.send(client.sender("$cbs"), b"\xff", settled=True)

    assert client.outcomes() == []


def test_a_drained_reply_link_gives_its_credit_back() -> None:
    client = Client(World())
    link = client.receiver("$cbs", credit=5)
    link.drain()
    client.world.turn()

    assert link.credit == 0
    assert client.taken(events.LinkDetached) == []


def test_a_request_that_was_sent_settled_is_answered_and_no_more() -> None:
    client = Client(World())
    client.receiver("$cbs", credit=1)
    client.send(client.sender("$cbs"), request(), settled=True)

    assert len(client.deliveries()) == 1
    assert client.outcomes() == []


class Mute:
    """A node whose answers AMQP has no words for."""

    def answer(self, _request: BareMessage, _peer: Peer, _now: float) -> BareMessage:
        return BareMessage(value=object(), has_value=True)

    def refusal(self, _status: int, _condition: str, _description: str) -> BareMessage:
        raise AssertionError("nothing is refused here")


def test_a_request_whose_answer_cannot_be_written_is_rejected() -> None:
    client = Client(World())
    client.receiver("$cbs", credit=1)
    sender = client.sender("$cbs")
    [inlet] = [end for end in client.peer.ends.values() if isinstance(end, RequestInlet)]
    inlet._node = Mute()
    client.send(sender, request())

    assert condition(client) == "amqp:internal-error"
    assert client.deliveries() == []
