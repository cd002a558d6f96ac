import json
from typing import Any

import pytest

from servicebus_emulator.clock import Clock, ManualClock, OffsetClock, SystemClock
from servicebus_emulator.control.faults import ACTIONS
from servicebus_emulator.control.operations import OPERATIONS, Answer, handle
from servicebus_emulator.server.blueprint import Blueprint
from servicebus_emulator.server.control import Control
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body


class Panel:
    """The control interface of a world."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.world = World()
        self.clock = clock or OffsetClock(ManualClock(start=1000.0))
        self.control = Control(
            self.world.container, self.world.namespace, Blueprint(), self.clock, lambda: None
        )

    def ask(self, method: str, path: str, document: Any = None) -> Answer:
        body = b"" if document is None else json.dumps(document).encode()
        return handle(method, f"/emulator{path}", body, self.control)


def test_the_clock_is_told() -> None:
    assert Panel().ask("GET", "/clock").document == {
        "now": "1970-01-01T00:16:40+00:00",
        "epoch": 1000.0,
        "frozen": False,
        "next_change_in": None,
    }


def test_the_clock_is_frozen_advanced_and_let_go() -> None:
    panel = Panel()
    frozen = panel.ask("POST", "/clock/freeze").document["frozen"]
    moved = panel.ask("POST", "/clock/advance?seconds=2.5").document["epoch"]
    runs = not panel.ask("POST", "/clock/unfreeze/").document["frozen"]

    assert (frozen, moved, runs) == (True, 1002.5, True)


def test_the_clock_jumps_to_what_happens_next() -> None:
    panel = Panel()
    client = Client(panel.world)
    client.send(client.sender(), body("a"))
    client.receiver(credit=1)
    waits = panel.ask("GET", "/clock").document["next_change_in"]
    moved = panel.ask("POST", "/clock/next").document

    assert (waits, moved["moved"], moved["epoch"]) == (60.0, 60.0, 1060.0)


def test_a_clock_without_anything_to_come_stays() -> None:
    assert Panel().ask("POST", "/clock/next").document["moved"] is None


@pytest.mark.parametrize(
    "seconds", ["", "?seconds=soon", "?seconds=-1", "?seconds=nan", "?seconds=1e12"]
)
def test_nonsense_does_not_move_the_clock(seconds: str) -> None:
    assert Panel().ask("POST", f"/clock/advance{seconds}").status == 400


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("POST", "/clock/advance", "seconds is missing; a number is expected"),
        ("POST", "/clock/advance?seconds=soon", "seconds is 'soon'; a number is expected"),
        ("GET", "/messages/q?from=first", "from is 'first'; a number is expected"),
        ("GET", "/messages/q?count=1.5", "count is '1.5'; a number is expected"),
    ],
)
def test_what_is_no_number_is_told_by_its_name(method: str, path: str, told: str) -> None:
    assert Panel().ask(method, path) == Answer(400, {"error": told})


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_is_told_to_be_none(body: bytes) -> None:
    answer = handle("POST", "/emulator/faults", body, Panel().control)

    assert answer.status == 400
    assert answer.document["error"].startswith("The body is not JSON: ")


@pytest.mark.parametrize(
    ("clock", "path"),
    [
        (SystemClock(), "/clock/advance?seconds=1"),
        (SystemClock(), "/clock/freeze"),
        (ManualClock(start=0.0), "/clock/unfreeze"),
    ],
)
def test_a_clock_that_cannot_be_moved_says_so(clock: Clock, path: str) -> None:
    answer = Panel(clock).ask("POST", path)

    assert (answer.status, "cannot be" in answer.document["error"]) == (409, True)


def test_a_fault_is_put_to_work_told_and_mended() -> None:
    panel = Panel()
    added = panel.ask("POST", "/faults", {"operation": "send", "action": "refuse", "times": 1})
    client = Client(panel.world)
    client.send(client.sender(), body("a"))
    panel.ask("POST", "/faults", {"operation": "send", "action": "ignore", "times": 0})
    path = f"/faults/{added.document['id']}"
    told, other = panel.ask("GET", "/faults").document["faults"]

    assert (added.status, told["hits"]) == (201, 1)
    assert panel.ask("GET", path).document == told
    assert panel.ask("GET", f"/faults/{other['id']}").document == other
    assert [panel.ask("DELETE", path).status for _ in range(2)] == [204, 404]
    assert panel.ask("GET", path).status == 404


def test_all_faults_are_mended() -> None:
    panel = Panel()
    panel.ask("POST", "/faults", {"operation": "send", "action": "refuse"})

    assert panel.ask("DELETE", "/faults").status == 204
    assert panel.ask("GET", "/faults").document == {"faults": []}


def test_it_is_told_what_can_go_wrong() -> None:
    actions = Panel().ask("GET", "/actions").document["actions"]

    assert {name: frozenset(known) for name, known in actions.items()} == ACTIONS


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"operation": "fly", "action": "high"}'])
def test_what_is_no_fault_is_a_bad_request(body: bytes) -> None:
    answer = handle("POST", "/emulator/faults", body, Panel().control)

    assert (answer.status, bool(answer.document["error"])) == (400, True)


def test_entities_messages_and_clients_are_shown() -> None:
    panel = Panel()
    client = Client(panel.world)
    for text in "abc":
        client.send(client.sender(), body(text))
    [orders] = panel.ask("GET", "/entities").document["entities"]
    [second] = panel.ask("GET", "/messages/orders?from=2&count=1").document["messages"]
    [connection] = panel.ask("GET", "/connections").document["connections"]

    assert (orders["active"], second["message_id"]) == (3, "b")
    assert connection["container_id"] == "client"


def test_a_queue_is_purged() -> None:
    panel = Panel()
    client = Client(panel.world)
    client.send(client.sender(), body("a"))

    assert panel.ask("DELETE", "/messages/orders").status == 204
    assert panel.ask("GET", "/messages/orders").document == {"messages": []}


@pytest.mark.parametrize(("path", "status"), [("/messages/nothing", 404), ("/messages/news", 409)])
def test_what_keeps_no_messages_shows_none(path: str, status: int) -> None:
    panel = Panel()
    panel.world.namespace.create_topic("news", now=0.0)

    assert panel.ask("GET", path).status == status


def test_a_dead_letter_queue_is_named_as_in_an_address() -> None:
    answer = Panel().ask("GET", "/messages/orders/%24DeadLetterQueue")

    assert answer.document == {"messages": []}


def test_a_reset_begins_anew() -> None:
    panel = Panel()
    kept = panel.ask("POST", "/reset?entities=keep")
    there = panel.ask("GET", "/entities").document["entities"]
    gone = panel.ask("POST", "/reset")

    assert (kept.status, len(there), gone.status) == (204, 1, 204)
    assert panel.ask("GET", "/entities").document["entities"] == []


@pytest.mark.parametrize("path", ["/nothing", "", "/clockwork"])
def test_an_unknown_path_is_answered_with_those_that_there_are(path: str) -> None:
    answer = Panel().ask("GET", path)

    assert answer.status == 404
    assert "/emulator/clock" in answer.document["paths"]


def test_another_method_is_answered_with_those_that_there_are() -> None:
    answer = Panel().ask("PATCH", "/faults")

    assert answer.status == 405
    assert "DELETE, GET, POST" in answer.document["error"]


def test_every_operation_is_documented() -> None:
    assert all(operation.__doc__ for operation in OPERATIONS.values())
