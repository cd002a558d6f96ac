"""Faults as clients meet them, over connections in memory."""

import pytest

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.outcomes import Accepted, Rejected
from servicebus_emulator.amqp.performatives import SENDER, Source, Target
from servicebus_emulator.control.acts import entity_of
from servicebus_emulator.control.breakage import refuse
from servicebus_emulator.control.faults import Fault
from servicebus_emulator.nodes.sas import ROOT_KEY
from servicebus_emulator.nodes.watch import Fate
from tests.unit.servicebus_emulator.control.desk import Desk, answer_of
from tests.unit.servicebus_emulator.nodes.in_memory import Client, body
from tests.unit.servicebus_emulator.nodes.requests import Asker

# -- sending -------------------------------------------------------------------------------------


def test_a_refused_message_is_not_in_the_queue(desk: Desk) -> None:
    desk.inject("send", "refuse", condition="com.microsoft:timeout", times=1)
    sender = desk.client.sender()
    for text in "ab":
        desk.client.send(sender, body(text))

    assert (desk.conditions(), desk.active()) == (["com.microsoft:timeout", None], 1)


def test_a_message_that_was_sent_settled_is_refused_in_silence(desk: Desk) -> None:
    desk.inject("send", "refuse")
    desk.client.send(desk.client.sender(), body("a"), settled=True)

    assert (desk.conditions(), desk.active()) == ([], 0)


def test_a_throttled_client_is_told_to_wait(desk: Desk) -> None:
    desk.inject("send", "throttle")
    desk.client.send(desk.client.sender(), body("a"))
    [outcome] = desk.client.outcomes()

    assert isinstance(outcome, Rejected)
    assert outcome.error is not None
    assert outcome.error.condition == "com.microsoft:server-busy"
    assert "50009" in outcome.error.description


def test_faults_of_one_entity_leave_the_others_alone(desk: Desk) -> None:
    desk.inject("send", "refuse", entity="orders")
    desk.client.send(desk.client.sender("invoices"), body("a"))

    assert (desk.conditions(), desk.active("invoices")) == ([None], 1)


def test_a_message_that_is_ignored_is_never_answered(desk: Desk) -> None:
    desk.inject("send", "ignore")
    desk.client.send(desk.client.sender(), body("a"))

    assert (desk.conditions(), desk.active()) == ([], 0)


@pytest.mark.parametrize(("stage", "active"), [("before", 0), ("after", 1)])
def test_a_connection_is_lost_before_or_after_the_message_is_taken(
    desk: Desk, stage: str, active: int
) -> None:
    desk.inject("send", "drop", stage=stage)
    desk.client.send(desk.client.sender(), body("a"))

    assert (desk.client.peer.fate, desk.conditions(), desk.active()) == (Fate.DROP, [], active)


def test_a_link_is_detached_with_the_condition_that_is_wanted(desk: Desk) -> None:
    desk.inject("send", "detach", condition="amqp:resource-deleted", description="gone")
    desk.client.send(desk.client.sender(), body("a"))
    error = desk.client.detached()

    assert error is not None
    assert (error.condition, error.description) == ("amqp:resource-deleted", "gone")


def test_a_connection_is_closed_with_an_error(desk: Desk) -> None:
    desk.inject("send", "close")
    desk.client.send(desk.client.sender(), body("a"))
    [closed] = desk.client.taken(events.ConnectionClosed)

    assert closed.error is not None
    assert closed.error.condition == "amqp:connection:forced"


def test_a_connection_that_is_closed_in_the_middle_is_sent_nothing_more(desk: Desk) -> None:
    other = Client(desk.world)
    sender = other.sender()
    for text in "abc":
        other.send(sender, body(text))
    desk.inject("deliver", "close")
    desk.client.receiver(credit=3)

    assert len(desk.client.taken(events.ConnectionClosed)) == 1
    assert len(desk.client.taken(events.DeliveryReceived)) <= 1


def test_a_delayed_message_arrives_late(desk: Desk) -> None:
    desk.inject("send", "delay", delay=5, times=1)
    desk.client.send(desk.client.sender(), body("a"))
    early = desk.active()
    assert desk.world.container.next_deadline() == desk.world.now + 5
    desk.world.pass_time(5)

    assert (early, desk.active(), desk.conditions()) == (0, 1, [None])


def test_what_follows_a_delayed_message_stays_behind_it(desk: Desk) -> None:
    desk.inject("send", "delay", delay=5, times=1)
    sender = desk.client.sender()
    for text in "ab":
        desk.client.send(sender, body(text))
    early = desk.active()
    desk.world.pass_time(5)
    desk.client.receiver(credit=2)

    assert (early, desk.client.texts()) == (0, ["a", "b"])


def test_delays_of_a_link_follow_one_another(desk: Desk) -> None:
    desk.inject("send", "delay", delay=5)
    sender = desk.client.sender()
    desk.client.send(sender, body("a"))
    desk.world.pass_time(3)
    desk.client.send(sender, body("b"))
    desk.world.pass_time(2)
    first = desk.active()
    desk.world.pass_time(5)

    assert (first, desk.active()) == (1, 2)


def test_what_a_client_left_behind_does_not_happen(desk: Desk) -> None:
    desk.inject("send", "delay", delay=5)
    desk.client.send(desk.client.sender(), body("a"))
    desk.world.container.disconnected(desk.client.peer, desk.world.now)
    del desk.world.clients[desk.client.peer]
    desk.world.pass_time(5)

    assert (desk.active(), desk.world.container.next_deadline()) == (0, None)


# -- opening, attaching, proving -----------------------------------------------------------------


def test_a_link_is_refused(desk: Desk) -> None:
    desk.inject("attach", "refuse", condition="amqp:not-found")
    desk.client.sender()
    error = desk.client.detached()

    assert error is not None
    assert error.condition == "amqp:not-found"


def test_the_management_link_is_attached_under_its_own_name(desk: Desk) -> None:
    injected = desk.inject("attach", "refuse", name="$management")
    desk.client.sender("orders")
    desk.client.sender("orders/$management")

    assert injected.hits == 1


def test_a_connection_is_lost_when_it_is_opened(desk: Desk) -> None:
    desk.inject("open", "drop", connection="client")
    client = Client(desk.world, password=ROOT_KEY.key)

    assert client.peer.fate is Fate.DROP


def test_a_password_is_refused(desk: Desk) -> None:
    desk.inject("authenticate", "refuse", name="plain")

    assert Client(desk.world, password=ROOT_KEY.key).connection.finished


@pytest.mark.parametrize("action", ["close", "detach"])
def test_who_signs_in_without_a_link_loses_the_connection(desk: Desk, action: str) -> None:
    desk.inject("authenticate", action, name="plain")

    assert Client(desk.world, password=ROOT_KEY.key).peer.connection.finished


def test_a_token_is_refused(desk: Desk) -> None:
    desk.inject("authenticate", "refuse", entity="orders")
    answer = Asker(desk.client, "$cbs").ask("token", operation="put-token", name="sb://h/orders")

    assert answer.application_properties["status-code"] == 401


# -- requests ------------------------------------------------------------------------------------


def test_a_request_is_refused_with_status_and_condition(desk: Desk) -> None:
    desk.inject("request", "throttle", name="com.microsoft:renew-lock")
    first, second = (Asker(Client(desk.world), "orders/$management") for _ in range(2))
    refused = first.ask({"lock-tokens": []}, operation="com.microsoft:renew-lock")
    answered = second.ask({}, operation="com.microsoft:peek-message")

    assert refused.application_properties["statusCode"] == 503
    assert refused.application_properties["errorCondition"] == "com.microsoft:server-busy"
    assert answered.application_properties["statusCode"] == 400


def test_what_is_no_request_has_no_name(desk: Desk) -> None:
    injected = desk.inject("request", "refuse", name="?*")
    Asker(desk.client, "orders/$management")
    desk.client.send(desk.client.sender("orders/$management"), b"garbage")

    assert injected.hits == 0


# -- receiving and settling ----------------------------------------------------------------------


def test_a_refused_settlement_leaves_the_message_locked(desk: Desk) -> None:
    desk.inject("settle", "refuse", name="accepted", condition="com.microsoft:timeout")
    answer = desk.client.settle(desk.receive(), Accepted())

    assert (answer_of(answer), desk.active()) == ("com.microsoft:timeout", 1)


def test_a_lost_lock_gives_the_message_to_the_next(desk: Desk) -> None:
    desk.inject("settle", "lose-lock", times=1)
    answer = desk.client.settle(desk.receive(credit=2), Accepted())
    again = desk.client.deliveries()

    assert (answer_of(answer), len(again)) == ("com.microsoft:message-lock-lost", 1)


def test_a_message_loses_its_lock_on_its_way_to_the_client(desk: Desk) -> None:
    desk.inject("deliver", "lose-lock", times=1)
    first = desk.receive(credit=2)
    assert desk.world.container.next_deadline() == desk.world.now
    desk.world.pass_time(0)
    again = desk.client.deliveries()

    assert answer_of(desk.client.settle(first, Accepted())) == "com.microsoft:message-lock-lost"
    assert len(again) == 1


def test_a_client_that_settles_at_once_has_lost_the_lock_all_the_same(desk: Desk) -> None:
    desk.inject("deliver", "lose-lock", times=1)
    answer = desk.client.settle(desk.receive(), Accepted())

    assert answer_of(answer) == "com.microsoft:message-lock-lost"


def test_a_message_that_is_deleted_on_delivery_has_no_lock_to_lose(desk: Desk) -> None:
    injected = desk.inject("deliver", "lose-lock")
    desk.client.receiver(credit=1, settled=True)
    other = Client(desk.world)
    other.send(other.sender(), body("a"))

    assert (desk.client.texts(), injected.hits, desk.world.container.next_deadline()) == (
        ["a"],
        1,
        None,
    )


def test_a_connection_is_lost_with_the_message_that_it_was_to_carry(desk: Desk) -> None:
    desk.inject("deliver", "drop")
    desk.client.receiver(credit=1)
    other = Client(desk.world)
    other.send(other.sender(), body("a"))

    assert (desk.client.peer.fate, desk.client.texts(), desk.active()) == (Fate.DROP, [], 1)


def test_other_deliveries_are_left_alone(desk: Desk) -> None:
    desk.inject("deliver", "drop", entity="invoices")
    desk.receive()

    assert desk.client.peer.fate is None


# -- the desk ------------------------------------------------------------------------------------


def test_faults_are_known_by_their_numbers(desk: Desk) -> None:
    first, second = desk.inject("send", "refuse"), desk.inject("send", "ignore")
    desk.desk.remove(first.id)

    assert (desk.desk.all(), desk.desk.get(second.id)) == ([second], second)
    desk.desk.clear()
    assert desk.desk.all() == []


def test_a_link_that_nobody_has_attached_leads_to_no_entity(desk: Desk) -> None:
    new = desk.client.session.attach("new", SENDER, source=Source(), target=Target("orders"))

    assert entity_of(new) == ""


def test_only_what_a_client_waits_for_can_be_refused(desk: Desk) -> None:
    with pytest.raises(TypeError, match="nothing to refuse"):
        refuse(desk.client.peer, events.ConnectionClosed(None), Fault("send", "refuse"))


def test_a_receiver_can_be_throttled(desk: Desk) -> None:
    desk.inject("deliver", "throttle", times=1)
    desk.client.send(desk.client.sender(), body("a"))
    desk.client.receiver(credit=1)
    error = desk.client.detached()

    assert error is not None
    assert error.condition == "com.microsoft:server-busy"
