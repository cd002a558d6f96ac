from servicebus_emulator.amqp.attaching import acceptance, refusal
from servicebus_emulator.amqp.link import Link
from servicebus_emulator.amqp.outlet import Outlet
from servicebus_emulator.amqp.performatives import (
    RECEIVER,
    SENDER,
    Attach,
    Source,
    Target,
)
from servicebus_emulator.amqp.session import Session

REMOTE = Attach("name", 3, role=RECEIVER, snd_settle_mode=1, source=Source("theirs"))


def link(role: bool = SENDER) -> Link:
    return Link(Session(0, Outlet()), "name", role, 5)


def test_an_acceptance_echoes_what_is_not_given() -> None:
    ours = Target("ours")
    attach = acceptance(link(), REMOTE, termini=(None, ours), max_message_size=7, properties=None)

    assert (attach.source, attach.target) == (REMOTE.source, ours)
    assert (attach.handle, attach.snd_settle_mode, attach.max_message_size) == (5, 1, 7)
    assert attach.properties == {}


def test_an_acceptance_has_both_termini_since_a_missing_one_is_a_refusal() -> None:
    attach = acceptance(link(), REMOTE, termini=(None, None), max_message_size=0, properties={})

    assert attach.target == Target()


def test_a_refusal_has_no_termini() -> None:
    attach = refusal(link(RECEIVER))

    assert (attach.source, attach.target) == (None, None)


def test_only_a_sender_tells_where_it_begins_to_count() -> None:
    counts = [refusal(link(role)).initial_delivery_count for role in (SENDER, RECEIVER)]

    assert counts == [0, None]
