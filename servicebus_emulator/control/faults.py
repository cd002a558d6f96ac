"""Faults: what is to go wrong, for whom, and how often.

    faults.add(Fault("send", "throttle", entity="orders", times=2))
    faults.add(Fault("settle", "drop", stage="after", probability=0.1, seed=7))

A fault is looked for at each operation, in the order in which they were added; the first that
matches happens. `docs/emulator-control.md` shows all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from servicebus_emulator.control.delays import Delay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LINK_ACTIONS = frozenset(("drop", "half-open", "close", "detach"))
_ANSWERED = _LINK_ACTIONS | {"refuse", "throttle", "delay", "ignore"}
ACTIONS: Mapping[str, frozenset[str]] = {
    "open": frozenset(("drop", "half-open", "close")),
    "attach": _ANSWERED - {"detach"},
    "authenticate": _ANSWERED,
    "send": _ANSWERED,
    "request": _ANSWERED,
    "settle": _ANSWERED | {"lose-lock"},
    "deliver": _LINK_ACTIONS | {"lose-lock", "throttle"},
    "manage": frozenset(("refuse", "throttle")),
    "frame": frozenset(("drop", "half-open", "corrupt")),
    "network": frozenset(("delay",)),
    "now": _LINK_ACTIONS | {"lose-lock", "expire-tokens"},
}
"""By operation, what can go wrong with it."""

STAGES = ("before", "after")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong. Names are patterns with `*` and `?`, in upper or lower case.

    Attributes:
        operation: What a client does, one of `ACTIONS`; `manage` is over HTTP, `frame`
            counts frames that a client is sent, `network` bytes either way, `now` happens at once
            to everybody who matches.
        action: What happens then.
        entity: Path of the entity: `orders`, `orders/$deadletterqueue`, `news/subscriptions/*`.
        link: Name of the link.
        connection: Container-id of the client.
        name: Of a request its operation (`com.microsoft:renew-lock`), of a settlement its outcome
            (`accepted`, `rejected`, `released`, `modified`), of a request over HTTP its method.
        after: So many matching operations are let through first.
        times: How often it happens; None for ever.
        probability: Of happening at a matching operation.
        seed: Of the draws, so that a run can be repeated; None for a new one.
        stage: `before` the operation is done, or `after`, when only the answer is lost.
        condition: AMQP error condition that the client is told; None for the usual one.
        description: Text that goes with it.
        delay: Seconds or a distribution, see `Delay.of`; for the action `delay`.
    """

    operation: str
    action: str
    entity: str = "*"
    link: str = "*"
    connection: str = "*"
    name: str = "*"
    after: int = 0
    times: int | None = None
    probability: float = 1.0
    seed: int | None = None
    stage: str = "before"
    condition: str | None = None
    description: str | None = None
    delay: Any = None

    def __post_init__(self) -> None:
        """Check.

        Raises:
            ValueError: A field is wrong, or the action cannot happen to the operation.
        """
        _check_action(self)
        for name in ("entity", "link", "connection", "name"):
            _check(isinstance(getattr(self, name), str), f"{name} is a text, a pattern")
        for name in ("condition", "description"):
            _check(_is_text(getattr(self, name)), f"{name} is a text")
        _check((self.condition or "").isascii(), "condition is a symbol of AMQP, which is ASCII")
        _check(_is_count(self.after), "after is a number of operations, 0 or more")
        _check(self.times is None or _is_count(self.times), "times is a number, 0 or more")
        _check(self.seed is None or _is_count(self.seed), "seed is a number, 0 or more")
        _check(_is_probability(self.probability), "probability is a number from 0 to 1")
        if self.delay is not None:
            object.__setattr__(self, "delay", Delay.of(self.delay))

    @classmethod
    def from_document(cls, document: object) -> Fault:
        """Read a fault from JSON values.

        Raises:
            ValueError: It is no fault; the text says why.
        """
        _check(isinstance(document, dict), "a fault is an object")
        known = {field.name for field in fields(cls)}
        wanted: dict[str, Any] = dict(document) if isinstance(document, dict) else {}
        for name in wanted:
            _check(name in known, f"{name!r} is no field; there are {', '.join(sorted(known))}")
        for name in ("operation", "action"):
            _check(name in wanted, f"{name} is missing")
        return cls(**wanted)

    def document(self) -> dict[str, Any]:
        """The fault as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if isinstance(self.delay, Delay):
            values["delay"] = self.delay.document()
        return values


@dataclass(slots=True)
class Injected:
    """A fault at work.

    Attributes:
        id: Names it.
        fault: What it is.
        chance: Its source of random numbers from 0 to 1.
        seen: Operations that matched.
        hits: How often it happened.
    """

    id: int
    fault: Fault
    chance: Callable[[], float]
    seen: int = 0
    hits: int = 0

    @property
    def spent(self) -> bool:
        """It will not happen any more."""
        return self.fault.times is not None and self.hits >= self.fault.times

    def strikes(self) -> bool:
        """A matching operation: whether the fault happens to it."""
        self.seen += 1
        if self.seen <= self.fault.after or self.spent:
            return False
        if self.fault.probability < 1 and self.chance() >= self.fault.probability:
            return False
        self.hits += 1
        return True

    def document(self) -> dict[str, Any]:
        """The fault and what has become of it, as JSON values."""
        return {"id": self.id, "seen": self.seen, "hits": self.hits, **self.fault.document()}


@dataclass(frozen=True, slots=True)
class Act:
    """What a client does, in the words by which faults are looked for."""

    operation: str
    connection: str
    entity: str = ""
    link: str = ""
    name: str = ""


class Faults:
    """The faults at work, in their order.

    Args:
        new_chance: Makes a source of random numbers from a seed, from nothing for None.
    """

    def __init__(self, new_chance: Callable[[int | None], Callable[[], float]]) -> None:
        self._new_chance = new_chance
        self._count = 0
        self._injected: dict[int, Injected] = {}
        self._armed: dict[str, list[Injected]] = {}

    def __len__(self) -> int:
        return len(self._injected)

    def add(self, fault: Fault) -> Injected:
        """Put a fault to work."""
        self._count += 1
        injected = Injected(self._count, fault, self._new_chance(fault.seed))
        self._injected[injected.id] = injected
        self._arm()
        return injected

    def remove(self, fault_id: int) -> bool:
        """Mend a fault; whether there was one of that number."""
        found = self._injected.pop(fault_id, None) is not None
        self._arm()
        return found

    def clear(self) -> None:
        """Mend all."""
        self._injected.clear()
        self._arm()

    def get(self, fault_id: int) -> Injected | None:
        """The fault of that number."""
        return self._injected.get(fault_id)

    def all(self) -> list[Injected]:
        """All faults, spent ones included, in the order in which they were added."""
        return list(self._injected.values())

    def armed(self, operation: str) -> bool:
        """Whether any fault waits for this operation."""
        return operation in self._armed

    @property
    def any_armed(self) -> bool:
        """Whether any fault waits for anything."""
        return bool(self._armed)

    def strike(self, act: Act) -> Injected | None:
        """The fault that happens to an operation, if one does."""
        for injected in self._armed.get(act.operation, ()):
            if matches(injected.fault, act) and injected.strikes():
                if injected.spent:
                    self._arm()
                return injected
        return None

    def _arm(self) -> None:
        self._armed = {}
        for injected in self._injected.values():
            if not injected.spent and injected.fault.operation != "now":
                self._armed.setdefault(injected.fault.operation, []).append(injected)


def matches(fault: Fault, act: Act) -> bool:
    """Whether a fault is meant for an operation."""
    return (
        _fits(fault.entity, act.entity)
        and _fits(fault.link, act.link)
        and _fits(fault.connection, act.connection)
        and _fits(fault.name, act.name)
    )


def _fits(pattern: str, text: str) -> bool:
    return pattern == "*" or fnmatchcase(text.casefold(), pattern.casefold())


def _check_action(fault: Fault) -> None:
    actions = ACTIONS.get(str(fault.operation))
    if actions is None:
        raise ValueError(f"operation is one of {', '.join(ACTIONS)}, not {fault.operation!r}")
    _check(
        str(fault.action) in actions,
        f"to {fault.operation!r} can happen {', '.join(sorted(actions))}, not {fault.action!r}",
    )
    _check(
        (fault.action == "delay") == (fault.delay is not None),
        "delay is needed for the action 'delay', and for no other",
    )
    _check(fault.stage in STAGES, "stage is 'before' or 'after'")
    _check(
        fault.stage == "before" or (fault.action in _LINK_ACTIONS and fault.operation in _STAGED),
        f"the stage 'after' is for {', '.join(sorted(_LINK_ACTIONS))} at operations that are "
        f"answered: {', '.join(_STAGED)}",
    )


_STAGED = ("attach", "authenticate", "send", "request", "settle")


def _is_text(value: object) -> bool:
    """Whether a value is None or a text that can be sent: without halves of characters."""
    if not isinstance(value, str):
        return value is None
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_probability(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _check(condition: object, text: str) -> None:
    if not condition:
        raise ValueError(text)
