from __future__ import annotations

import os
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from celery_azure import namespace as namespaces
from celery_azure.amqp.messages import Message
from celery_azure.amqp.sender import Outgoing
from celery_azure.amqp.settlement import COMPLETE
from celery_azure.connection import ServiceBusEndpoint
from celery_azure.counts import LOST_EVENTS, counts
from celery_azure.errors import NotFoundError, TooLargeError, UnreachableError
from celery_azure.namespace import Namespace
from servicebus_emulator.broker.errors import EntityNotFound
from servicebus_emulator.nodes.sas import ROOT_KEY
from tests.unit.celery_azure.amqp.world import Settled
from tests.unit.celery_azure.inline import connect, create_queue, inline_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from celery_azure.amqp.frames import AmqpError
    from celery_azure.amqp.receiver import Receiver
    from tests.unit.celery_azure.amqp.world import World

ENDPOINT = ServiceBusEndpoint("here", 5672, None, ROOT_KEY.name, ROOT_KEY.key)
PAYLOAD = Message(b"payload").to_bytes()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with inline_world(monkeypatch) as world:
        yield world


def namespace_of(world: World, create: Callable[[str], None] | None = None) -> Namespace:
    del world
    return Namespace(ENDPOINT, create)


def receiver_of(namespace: Namespace, *, locks: bool = True, **more: Any) -> Receiver:
    return namespace.new_receiver(
        "jobs",
        entity="jobs",
        locks=locks,
        renew_seconds=60.0,
        on_message=lambda: None,
        on_lost=lambda *_: None,
        on_settled=more.pop("on_settled", lambda *_: None),
        **more,
    )


def test_a_message_is_with_the_broker_when_publishing_returns(world: World) -> None:
    namespace_of(world).publish("jobs", PAYLOAD, 5.0)
    assert world.queue.counts(world.now).active == 1


def test_a_caller_that_takes_the_place_of_an_idle_driver_sends_its_message(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = namespace_of(world)
    monkeypatch.setattr(namespace.driver, "is_idle", True, raising=False)
    namespace.publish("jobs", PAYLOAD, 5.0)
    assert world.queue.counts(world.now).active == 1


def test_what_the_broker_refuses_is_raised_as_what_it_is(world: World) -> None:
    namespace = namespace_of(world)
    with pytest.raises(NotFoundError):
        namespace.publish("missing", PAYLOAD, 5.0)
    with pytest.raises(TooLargeError):
        namespace.publish("jobs", Message(b"x" * 300_000).to_bytes(), 5.0)


def test_a_broker_that_is_not_there_is_told_in_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.is_reachable = False
    namespace = namespace_of(world)
    monkeypatch.setattr(namespace.driver, "seconds", 1.0, raising=False)
    with pytest.raises(UnreachableError, match=r"not sent \(refused\)"):
        namespace.publish("jobs", PAYLOAD, 0.5)


def test_who_finds_no_connection_waits_only_for_that(world: World) -> None:
    world.is_reachable = False
    namespace = namespace_of(world)
    with pytest.raises(UnreachableError, match=r"not sent \(refused\)"):
        namespace.publish("jobs", PAYLOAD, 3600.0, 0.0)


def test_who_has_or_had_a_connection_waits_on(world: World) -> None:
    namespace = namespace_of(world)
    fates: list[AmqpError | None] = []
    before = namespace.engine.connections
    namespace.publish("jobs", PAYLOAD, 5.0)
    outgoing = Outgoing(PAYLOAD, world.now + 60.0, fates.append)
    namespace._sender("jobs").submit(outgoing)
    namespace._give_up("jobs", outgoing, namespace.engine.connections)  # there is one
    assert fates == []
    world.cut()
    namespace._give_up("jobs", outgoing, before)  # there was one meanwhile
    assert fates == []
    namespace._give_up("jobs", outgoing, namespace.engine.connections)
    assert "not sent" in str(fates)


def test_a_driver_that_says_nothing_keeps_nobody_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = namespace_of(world)
    monkeypatch.setattr(namespace.driver, "call", lambda *_: None)
    with pytest.raises(UnreachableError, match="not answered in time"):
        namespace.publish("jobs", PAYLOAD, -1.0)


def test_a_queue_that_is_missing_is_created_and_the_message_sent(world: World) -> None:
    namespace_of(world, partial(create_queue, world)).publish("new", PAYLOAD, 5.0)
    assert world.namespace.get_queue("new").counts(world.now).active == 1


def test_a_queue_that_cannot_be_created_is_missing_with_one_warning(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise PermissionError(f"no right to create {name}\nand much more")

    namespace = namespace_of(world, fail)
    monkeypatch.setattr(namespace.driver, "seconds", 4.0, raising=False)  # the link is tried again
    for _ in range(2):
        with pytest.raises(NotFoundError):
            namespace.publish("new", PAYLOAD, 60.0)
    assert [record.getMessage() for record in caplog.records] == [
        "Queue 'new' does not exist and cannot be created: no right to create new"
    ]


def test_the_link_to_a_queue_that_is_gone_is_let_go_and_the_queue_not_made_again(
    world: World,
) -> None:
    create_queue(world, "reply")
    namespace = namespace_of(world, partial(create_queue, world))
    namespace.publish("reply", PAYLOAD, 5.0)
    world.namespace.delete_queue("reply")
    world.pass_time(30)
    with pytest.raises(EntityNotFound):
        world.namespace.get_queue("reply")
    assert not namespace._senders
    assert not world.engine._links
    namespace.publish("reply", PAYLOAD, 5.0)  # whoever wants it after all has it
    assert world.namespace.get_queue("reply").counts(world.now).active == 1


def test_the_link_to_a_queue_that_never_was_is_let_go_when_that_was_told(world: World) -> None:
    namespace = namespace_of(world)
    with pytest.raises(NotFoundError):
        namespace.publish("new", PAYLOAD, 60.0)
    assert not namespace._senders
    create_queue(world, "new")
    namespace.publish("new", PAYLOAD, 5.0)


def test_an_event_that_is_lost_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(counts, LOST_EVENTS, 0)
    namespace_of(world).post("missing", PAYLOAD, 5.0)
    assert counts[LOST_EVENTS] == 1


def test_a_receiver_takes_settles_and_goes_when_that_is_confirmed(world: World) -> None:
    world.put("a", "b")
    namespace, settled = namespace_of(world), Settled()
    receiver = receiver_of(namespace, on_settled=settled)
    namespace.open_receiver(receiver, 10)
    assert len(receiver.buffer) == 2
    namespace.settle(receiver.buffer.popleft(), COMPLETE)
    namespace.close_receiver(receiver)
    assert ("complete", None) in settled
    assert not receiver.is_attached
    counted = world.queue.counts(world.now)
    assert counted.active == 1


def test_a_receiver_that_is_stopped_gives_back_what_comes_late(world: World) -> None:
    namespace = namespace_of(world)
    receiver = receiver_of(namespace)
    namespace.open_receiver(receiver, 10)
    namespace.stop_receiver(receiver)
    world.put("late")
    assert not receiver.buffer
    assert receiver.credit == 0


def test_a_receiver_that_nobody_lets_in_is_told_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    namespace = namespace_of(world)
    receiver = receiver_of(namespace)
    receiver.entity = receiver.address = "missing"
    namespace.open_receiver(receiver, 10)
    world.pass_time(10)
    [told] = [text for record in caplog.records if "received" in (text := record.getMessage())]
    assert told.startswith("Nothing can be received from 'jobs', trying on: amqp:not-found")


def test_a_process_shares_one_and_its_last_user_closes_it(world: World) -> None:
    first = Namespace.acquire(ENDPOINT, None)
    second = Namespace.acquire(ENDPOINT, None)
    other = Namespace.acquire(ServiceBusEndpoint("there", 1, None, "n", "k"), None)
    assert first is second
    assert first is not other
    driver: Any = first.driver
    first.release()
    assert not driver.is_closed
    second.release()
    assert driver.is_closed
    assert Namespace.acquire(ENDPOINT, None) is not first
    del world


def test_a_child_process_begins_anew_and_closes_nothing_of_its_parent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = Namespace.acquire(ENDPOINT, None)
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    monkeypatch.setattr(Namespace, "_lock", threading.Lock())
    namespaces._forget_in_child()
    driver: Any = parents.driver
    assert driver.is_forgotten
    assert Namespace.acquire(ENDPOINT, None) is not parents
    parents.release()
    assert not driver.is_closed
    del world


def test_a_connection_that_a_child_has_of_its_parent_serves_there_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    publish = partial(connection.Producer().publish, routing_key="jobs")
    publish("of the parent")
    parents, parent = connection.transport.namespace, os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    monkeypatch.setattr(Namespace, "_lock", threading.Lock())
    namespaces._forget_in_child()
    publish("of the child")  # as a server does that has loaded its app before it forks
    assert connection.transport.namespace is not parents
    assert world.queue.counts(world.now).active == 2


class Taken:
    """A lock that somebody has."""

    def __enter__(self) -> None:
        raise AssertionError("this would wait for ever")

    def __exit__(self, *_: object) -> None: ...


def test_a_connection_that_is_forgotten_is_closed_without_waiting_for_whoever_opens_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    namespace = connection.transport.namespace
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(namespace.driver, "call", lambda *call: calls.append(call))
    with monkeypatch.context() as patch:
        patch.setattr(Namespace, "_lock", Taken())
        connection.transport._finalizer()  # the collector may come in the middle of `acquire`
    [(release, *arguments)] = calls
    release(*arguments)
    assert namespace.driver.is_closed
    del world
