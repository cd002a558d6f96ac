"""The control interface over HTTP, `/emulator/…`: one small function for each operation.

`docs/emulator-control.md` shows requests and responses.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar
from urllib.parse import parse_qsl, unquote

from servicebus_emulator.broker.errors import BrokerError, EntityNotFound
from servicebus_emulator.control.errors import ControlError
from servicebus_emulator.control.faults import ACTIONS, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.control.faults import Injected

Number = TypeVar("Number", int, float)

PREFIX = "/emulator"
_MOST_MESSAGES = 1000


class Emulator(Protocol):
    """What the operations control."""

    def clock_document(self) -> dict[str, Any]:
        """The clock's state as JSON values."""

    def freeze(self) -> None:
        """Stop the clock."""

    def unfreeze(self) -> None:
        """Let the clock run on."""

    def advance(self, seconds: float) -> None:
        """Move the clock."""

    def advance_to_next(self) -> float | None:
        """Move the clock to the next thing that happens; the seconds moved."""

    def inject_fault(self, fault: Fault) -> Injected:
        """Put a fault to work."""

    def faults(self) -> list[Injected]:
        """All faults."""

    def remove_fault(self, fault_id: int) -> bool:
        """Mend a fault."""

    def clear_faults(self) -> None:
        """Mend all faults."""

    def entities(self) -> list[dict[str, Any]]:
        """Every entity with its counts."""

    def messages(self, entity: str, first: int, count: int) -> list[dict[str, Any]]:
        """Messages of an entity."""

    def purge(self, entity: str) -> None:
        """Remove the messages of an entity."""

    def connections(self) -> list[dict[str, Any]]:
        """The clients and their links."""

    def reset(self, *, keep_entities: bool) -> None:
        """Begin anew."""


class Answer(NamedTuple):
    """A status and a document that goes as JSON; None for no content."""

    status: int
    document: Any = None


class Call(NamedTuple):
    """What an operation is given."""

    emulator: Emulator
    query: dict[str, str]
    body: bytes
    name: str

    def json(self) -> Any:
        """The body as JSON values.

        Raises:
            ValueError: It is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as fault:
            raise ValueError(f"The body is not JSON: {fault}") from None

    def number(self, name: str, kind: type[Number], default: Number | None = None) -> Number:
        """A number of the query.

        Raises:
            ValueError: It is missing, and there is no default, or it is no such number.
        """
        text = self.query.get(name)
        if text is None and default is not None:
            return default
        try:
            return kind(text or "")
        except ValueError:
            told = "missing" if text is None else repr(text)
            raise ValueError(f"{name} is {told}; a number is expected") from None


def get_clock(call: Call) -> Answer:
    """Tell the broker's time."""
    return Answer(200, call.emulator.clock_document())


def freeze_clock(call: Call) -> Answer:
    """Stop the clock."""
    call.emulator.freeze()
    return get_clock(call)


def unfreeze_clock(call: Call) -> Answer:
    """Let the clock run on from where it stands."""
    call.emulator.unfreeze()
    return get_clock(call)


def advance_clock(call: Call) -> Answer:
    """Move the clock forward, `?seconds=300`."""
    call.emulator.advance(call.number("seconds", float))
    return get_clock(call)


def advance_clock_to_next(call: Call) -> Answer:
    """Move the clock to the next thing that happens without any client's doing."""
    moved = call.emulator.advance_to_next()
    return Answer(200, {"moved": moved, **call.emulator.clock_document()})


def list_faults(call: Call) -> Answer:
    """Tell all faults, and how often they happened."""
    return Answer(200, {"faults": [injected.document() for injected in call.emulator.faults()]})


def list_actions(_call: Call) -> Answer:
    """Tell by operation what can go wrong with it."""
    return Answer(200, {"actions": {name: sorted(actions) for name, actions in ACTIONS.items()}})


def add_fault(call: Call) -> Answer:
    """Put a fault to work."""
    injected = call.emulator.inject_fault(Fault.from_document(call.json()))
    return Answer(201, injected.document())


def get_fault(call: Call) -> Answer:
    """Tell how often a fault happened."""
    for injected in call.emulator.faults():
        if str(injected.id) == call.name:
            return Answer(200, injected.document())
    return _no_fault(call)


def remove_fault(call: Call) -> Answer:
    """Mend a fault."""
    is_number = call.name.isascii() and call.name.isdecimal()
    if is_number and call.emulator.remove_fault(int(call.name)):
        return Answer(204)
    return _no_fault(call)


def clear_faults(call: Call) -> Answer:
    """Mend all faults."""
    call.emulator.clear_faults()
    return Answer(204)


def list_entities(call: Call) -> Answer:
    """Tell every queue, topic and subscription, with its counts."""
    return Answer(200, {"entities": call.emulator.entities()})


def list_messages(call: Call) -> Answer:
    """Tell messages of an entity, `?from=1&count=100`."""
    first, count = call.number("from", int, 0), call.number("count", int, 100)
    count = min(max(count, 0), _MOST_MESSAGES)
    return Answer(200, {"messages": call.emulator.messages(unquote(call.name), first, count)})


def purge_messages(call: Call) -> Answer:
    """Remove all messages of an entity."""
    call.emulator.purge(unquote(call.name))
    return Answer(204)


def list_connections(call: Call) -> Answer:
    """Tell the clients and their links."""
    return Answer(200, {"connections": call.emulator.connections()})


def reset(call: Call) -> Answer:
    """Begin anew; with `?entities=keep`, entities stay as they are."""
    call.emulator.reset(keep_entities=call.query.get("entities") == "keep")
    return Answer(204)


OPERATIONS: dict[tuple[str, str], Callable[[Call], Answer]] = {
    ("GET", "/clock"): get_clock,
    ("POST", "/clock/freeze"): freeze_clock,
    ("POST", "/clock/unfreeze"): unfreeze_clock,
    ("POST", "/clock/advance"): advance_clock,
    ("POST", "/clock/next"): advance_clock_to_next,
    ("GET", "/entities"): list_entities,
    ("GET", "/messages/*"): list_messages,
    ("DELETE", "/messages/*"): purge_messages,
    ("GET", "/connections"): list_connections,
    ("POST", "/reset"): reset,
    ("GET", "/actions"): list_actions,
    ("GET", "/faults"): list_faults,
    ("POST", "/faults"): add_fault,
    ("DELETE", "/faults"): clear_faults,
    ("GET", "/faults/*"): get_fault,
    ("DELETE", "/faults/*"): remove_fault,
}
"""By method and path below `/emulator`; `*` is the rest of the path, the operation's name."""


def handle(method: str, target: str, body: bytes, emulator: Emulator) -> Answer:
    """Carry out an operation.

    Args:
        method: Of the request.
        target: Path and query, with the prefix.
        body: As it came.
        emulator: What is controlled.
    """
    path, _, query = target.removeprefix(PREFIX).partition("?")
    path = path.rstrip("/")
    found = _find(path)
    if not found:
        known = sorted({f"{PREFIX}{known}" for _, known in OPERATIONS})
        return Answer(404, {"error": f"There is nothing at {PREFIX}{path}.", "paths": known})
    if method not in found:
        return Answer(405, {"error": f"{method} is not among {', '.join(sorted(found))}."})
    operation, name = found[method]
    try:
        return operation(Call(emulator, dict(parse_qsl(query)), body, name))
    except ValueError as fault:
        return Answer(400, {"error": str(fault)})
    except EntityNotFound as fault:
        return Answer(404, {"error": str(fault)})
    except (ControlError, BrokerError) as fault:
        return Answer(409, {"error": str(fault)})


def _find(path: str) -> dict[str, tuple[Callable[[Call], Answer], str]]:
    """The operations at a path, by method, and the name in it."""
    found = {}
    for (method, known), operation in OPERATIONS.items():
        if known == path:
            found[method] = (operation, "")
        elif known.endswith("/*") and path.startswith(known[:-1]) and len(path) >= len(known):
            found[method] = (operation, path[len(known) - 1 :])
    return found


def _no_fault(call: Call) -> Answer:
    return Answer(404, {"error": f"There is no fault {call.name!r}."})
