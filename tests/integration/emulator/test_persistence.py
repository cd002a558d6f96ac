"""A namespace in a folder outlives its emulator, whether that was stopped or killed."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.management import ServiceBusAdministrationClient

from servicebus_emulator import OffsetClock, ThreadedEmulator
from servicebus_emulator.amqp import events
from servicebus_emulator.server.data_file import NAME, DataFile
from tests.integration.emulator.line import LONG, Line
from tests.integration.emulator.raw_client import RawClient
from tests.integration.emulator.test_process import failure, running

MESSAGE = b"\x00\x53\x75\xa0\x01x"  # one data section


def connect(connection_string: str) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(connection_string, retry_total=0)


def restarted(folder: Path, **options: Any) -> ThreadedEmulator:
    return ThreadedEmulator(data_dir=folder, **options)


def active_and_dead(emulator: ThreadedEmulator) -> tuple[int, int]:
    counts = emulator.run(lambda it: it.namespace.get_queue("q").counts(it.clock.now()))
    return counts.active, counts.dead_letter


def test_messages_come_back_in_every_state_with_what_was_done_to_them(tmp_path: Path) -> None:
    with (
        restarted(tmp_path, queues=["q"]) as emulator,
        connect(emulator.connection_string) as client,
        client.get_queue_sender("q") as sender,
        client.get_queue_receiver("q") as receiver,
    ):
        bodies = ["deferred", "dead", "abandoned", "locked", "done", "waiting"]
        sender.send_messages(
            [ServiceBusMessage(body, application_properties={"b": body}) for body in bodies]
        )
        deferred, dead, abandoned, _, done = Line("q", sender, receiver).receive(5)
        receiver.defer_message(deferred)
        receiver.dead_letter_message(dead, reason="why", error_description="because")
        receiver.complete_message(done)
        receiver.abandon_message(abandoned)
    with (
        restarted(tmp_path, queues=["q"]) as emulator,
        connect(emulator.connection_string) as client,
        client.get_queue_sender("q") as sender,
        client.get_queue_receiver("q") as receiver,
        client.get_queue_receiver("q", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as grave,
    ):
        sender.send_messages(ServiceBusMessage("new"))
        found = Line("q", sender, receiver).receive(4)
        assert deferred.sequence_number is not None
        [again] = receiver.receive_deferred_messages(deferred.sequence_number)
        [buried] = grave.receive_messages(1, max_wait_time=LONG)

    assert [(str(each), each.sequence_number, each.delivery_count) for each in found] == [
        ("abandoned", 3, 1),
        ("locked", 4, 0),
        ("waiting", 6, 0),
        ("new", 7, 0),
    ]
    assert found[0].application_properties == {b"b": b"abandoned"}
    assert str(again) == "deferred"
    assert (buried.dead_letter_reason, buried.dead_letter_error_description) == ("why", "because")
    assert buried.sequence_number == 2


def test_a_killed_emulator_has_every_message_that_it_accepted(tmp_path: Path) -> None:
    arguments = ("--data-dir", str(tmp_path), "--queue", "q")
    with running(*arguments) as emulator, RawClient(emulator.port) as client:
        client.send("q", MESSAGE, count=150)
        emulator.process.kill()
        emulator.process.wait(60)
    with restarted(tmp_path) as again:
        assert active_and_dead(again) == (150, 0)


def test_entities_made_by_a_client_are_there_after_a_kill(tmp_path: Path) -> None:
    folder, certificate = tmp_path / "data", tmp_path / "emulator.pem"
    with (
        running("--data-dir", str(folder), "--certificate", str(certificate)) as emulator,
        ServiceBusAdministrationClient.from_connection_string(
            emulator.connection_string, connection_verify=str(certificate)
        ) as admin,
    ):
        admin.create_queue("made", max_delivery_count=3)
        admin.create_topic("topic")
        admin.create_subscription("topic", "own")
        admin.delete_rule("topic", "own", "$Default")
        emulator.process.kill()
        emulator.process.wait(60)
    with restarted(folder) as again:
        own = again.run(lambda it: it.namespace.get_subscription("topic", "own").rules)
        made = again.run(lambda it: it.namespace.get_queue("made").description)

    assert (own, made.max_delivery_count) == ([], 3)


def test_a_session_keeps_its_state(tmp_path: Path) -> None:
    for expected in (None, b"noted"):
        with restarted(tmp_path) as emulator, connect(emulator.connection_string) as client:
            if expected is None:
                emulator.create_queue("s", requires_session=True)
            with client.get_queue_receiver("s", session_id="one") as receiver:
                state = receiver.session.get_state()
                receiver.session.set_state(b"noted")
            assert state == expected


def test_what_became_due_while_nothing_ran_happens_at_the_start(tmp_path: Path) -> None:
    later = OffsetClock()
    later.advance(60)
    with restarted(tmp_path) as emulator:
        emulator.create_queue(
            "q", default_message_time_to_live=60.0, dead_lettering_on_message_expiration=True
        )
        with RawClient(emulator.port) as client:
            client.send("q", MESSAGE)
    for clock, expected in ((OffsetClock(), (1, 0)), (later, (0, 1)), (OffsetClock(), (0, 1))):
        with restarted(tmp_path, clock=clock) as emulator:
            assert active_and_dead(emulator) == expected


def test_a_file_that_cannot_be_used_is_one_readable_line(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"something else" * 100)
    config = tmp_path / "Config.json"
    config.write_text('{"UserConfig": {"Namespaces": [{"Name": "n"}]}}')
    [line] = failure("--port", "0", "--data-dir", str(tmp_path), "--config", str(config))

    assert f"{tmp_path / NAME}: it is damaged, or no file of the emulator" in line
    assert "Config.json" not in line


def test_a_port_that_is_taken_lets_go_of_the_file(tmp_path: Path) -> None:
    with restarted(tmp_path / "other") as other, pytest.raises(OSError, match="in use"):
        restarted(tmp_path / "data", port=other.port).start()
    with restarted(tmp_path / "data") as emulator:
        assert emulator.port


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(DataFile, "_write", fail)
        yield


def test_a_message_that_cannot_be_saved_is_not_acknowledged(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with restarted(tmp_path, queues=["q"]) as emulator, RawClient(emulator.port) as client:
        link = client.sender("q")
        link.send(MESSAGE, delivery_tag=b"1")
        client.wait_for(events.DispositionReceived)
        client.taken(events.DispositionReceived)
        request.getfixturevalue("full_disk")
        link.send(MESSAGE, delivery_tag=b"2")
        with pytest.raises((AssertionError, ConnectionError)):
            client.wait_for(events.DispositionReceived)
        with pytest.raises(OSError, match="cannot be saved"):
            emulator.create_queue("other")
    with restarted(tmp_path) as emulator:
        assert active_and_dead(emulator) == (1, 0)
