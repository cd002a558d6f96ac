"""Which exchanges topics carry, and what is created for them; the namespace is a double."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from kombu.transport.virtual.exchange import DirectExchange, FanoutExchange, TopicExchange

from celery_azure import administration, broadcasts
from celery_azure.broadcasts import Broadcasts
from celery_azure.connection import ServiceBusEndpoint
from celery_azure.errors import FanoutOffError
from celery_azure.options import Options
from celery_azure.subscriptions import TAKES_ALL, Rule, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.namespace import Namespace

FANOUT, TOPIC, DIRECT = FanoutExchange(None), TopicExchange(None), DirectExchange(None)
TEMPORARY = {"auto_delete": True, "arguments": {"x-expires": 600_000, "x-message-ttl": 5_000}}


class World:
    """A namespace that creates what it is asked for, unless it cannot."""

    def __init__(self) -> None:
        self.created: list[Any] = []
        self.deleted: list[Subscription] = []
        self.error: Exception | None = None
        self.sent: list[tuple[str, bytes, bool]] = []
        self.creators: dict[str, Callable[[], None] | None] = {}

    def create(self, _endpoint: object, wanted: Any, *_: object) -> None:
        self.created.append(wanted)
        if self.error is not None:
            raise self.error

    def delete(self, _endpoint: object, subscription: Subscription) -> None:
        self.deleted.append(subscription)

    def provide(self, entity: str, create: Callable[[], None] | None) -> None:
        self.creators[entity] = create

    def publish(self, entity: str, payload: bytes, *_timeouts: float) -> None:
        self.sent.append((entity, payload, True))

    def post(self, entity: str, payload: bytes, _timeout: float) -> None:
        self.sent.append((entity, payload, False))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(administration, "create_subscription", world.create)
    monkeypatch.setattr(administration, "create_topic", world.create)
    monkeypatch.setattr(administration, "delete_subscription", world.delete)
    monkeypatch.setattr(broadcasts, "_refused", set())
    return world


def make(world: World, **options: Any) -> Broadcasts:
    endpoint = ServiceBusEndpoint("broadcasts.example")
    given = Options(**{"fanout": True, **options})
    return Broadcasts(endpoint, given, lambda: cast("Namespace", world))


@pytest.mark.parametrize(
    ("exchange", "temporary", "other"),
    [
        ({"type": "fanout", "durable": True}, True, True),
        ({"type": "topic", "durable": True}, True, False),
        ({"type": "direct", "durable": False}, True, False),
        ({"type": "direct", "durable": True}, False, False),
    ],
)
def test_topics_carry_fanout_and_what_is_for_temporary_queues_of_others(
    world: World, exchange: dict[str, Any], temporary: bool, other: bool
) -> None:
    assert make(world).carry(exchange, is_temporary=True) is temporary
    assert make(world).carry(exchange, is_temporary=False) is other
    assert make(world, fanout=False).carry(exchange, is_temporary=True) is False


def test_a_temporary_queue_is_a_subscription_that_goes_when_idle(world: World) -> None:
    here = make(world, queue_name_prefix="team.")
    here.declare("q", TEMPORARY)
    here.bind("q", "ev", TOPIC, "worker.#")

    rules = frozenset({Rule("worker.#", is_pattern=True)})
    wanted = Subscription("team.ev", "team.q", True, 600.0, 5.0, rules)
    assert world.created == [wanted]
    assert here.source("q") == wanted


def test_idleness_is_never_shorter_than_service_bus_allows(world: World) -> None:
    here = make(world)
    here.declare("q", {"exclusive": True, "arguments": {"x-expires": 10_000}})
    here.bind("q", "ev", FANOUT, "")
    assert world.created[0].idle_seconds == 300.0


def test_a_durable_queue_of_a_fanout_exchange_stays(world: World) -> None:
    here = make(world)
    here.declare("q", {"auto_delete": False})
    here.bind("q", "all", FANOUT, "ignored")
    assert not world.created[0].is_temporary
    assert world.created[0].rules == {TAKES_ALL}


def test_a_second_binding_adds_a_rule_and_the_same_again_nothing(world: World) -> None:
    here = make(world)
    here.declare("q", TEMPORARY)
    for key in ("a", "b", "a"):
        here.bind("q", "replies", DIRECT, key)
    assert len(world.created) == 2
    assert {rule.key for rule in world.created[-1].rules} == {"a", "b"}
    assert here.accepts("q", DIRECT, "b")
    assert not here.accepts("q", DIRECT, "c")


def test_a_queue_that_is_deleted_is_not_created_by_a_link_that_is_late(world: World) -> None:
    here = make(world)
    here.declare("q", TEMPORARY)
    here.bind("q", "all", FANOUT, "")
    here.delete("q")
    assert world.deleted == world.created
    assert world.creators == {"all/Subscriptions/q": None}
    assert here.source("q") is None


def test_events_are_posted_and_all_else_is_waited_for(world: World) -> None:
    here = make(world)
    here.publish("ev", b"1", waits=False)
    here.publish("all", b"2", waits=True)
    assert world.sent == [("ev", b"1", False), ("all", b"2", True)]
    assert set(world.creators) == {"ev", "all"}


@pytest.mark.parametrize("fanout", [True, False])
def test_who_cannot_be_reached_is_said_with_the_reason(
    world: World, monkeypatch: pytest.MonkeyPatch, fanout: bool
) -> None:
    here = make(world, fanout=fanout)
    monkeypatch.setitem(administration.tiers._known, here._endpoint, False)
    with pytest.raises(FanoutOffError, match="Basic tier" if fanout else "'fanout'"):
        here.check()
    assert not here.are_supported


def test_what_was_refused_is_told_once_and_not_asked_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.error = HttpResponseError("no\nsecond line")
    world.error.status_code = 401
    here = make(world)
    for name in ("p", "q"):
        here.declare(name, TEMPORARY)
        here.bind(name, "all", FANOUT, "")

    assert len(world.created) == 1
    (warning,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert "Manage" in warning.getMessage()
    assert "second line" not in warning.getMessage()


def test_what_two_threads_are_refused_at_once_is_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    both = threading.Barrier(2)
    error = HttpResponseError("no")
    error.status_code = 401

    def refuse() -> None:
        both.wait(60)
        raise error

    def ask() -> None:
        with pytest.raises(HttpResponseError):
            broadcasts._attempt(ServiceBusEndpoint("broadcasts.example"), refuse)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.levelname for one in caplog.records] == ["WARNING"]


def test_a_namespace_that_does_not_answer_is_asked_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.error = ServiceRequestError("nobody there")
    here = make(world)
    here.declare("q", TEMPORARY)
    here.bind("q", "all", FANOUT, "")
    world.error = None
    create = world.creators["all/Subscriptions/q"]
    assert create is not None
    create()
    assert len(world.created) == 2
    assert not [one for one in caplog.records if one.levelname == "WARNING"]
