"""What the API answers, as values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

_ENDED = frozenset({"SUCCESS", "FAILURE"})
_WORTH_A_RETRY = frozenset({429, 502, 503, 504})


class ApiError(Exception):
    """A problem that the API answered with (RFC 9457).

    Attributes:
        status: The HTTP status.
        name: The stable name of the problem, such as `not-an-object`; "" for none of this API's.
        members: All members of the answer.
        retry_after: When to try again, in seconds; None when the answer does not say.
    """

    def __init__(self, status: int, members: dict[str, Any], retry_after: float | None) -> None:
        text = members.get("detail") or members.get("title") or "an answer of another kind"
        super().__init__(f"{status}: {text}")
        self.status = status
        self.name = str(members.get("type", "")).rpartition("/problems/")[2]
        self.members = members
        self.retry_after = retry_after

    @property
    def is_worth_a_retry(self) -> bool:
        """Whether the same request may succeed later."""
        in_use = self.name == "idempotency-key-in-use"
        return self.status in _WORTH_A_RETRY or in_use


@dataclass(frozen=True, slots=True)
class Job:
    """The status of a job: PENDING, STARTED, SUCCESS or FAILURE, and its result after the end."""

    task_id: str
    status: str
    result: Any = None

    @property
    def has_ended(self) -> bool:
        """Whether the status will not change any more."""
        return self.status in _ENDED


@dataclass(frozen=True, slots=True)
class TaskView:
    """All that the API knows of a task; `members` has what is not named here."""

    task_id: str
    state: str
    result: Any
    progress: dict[str, Any] | None
    members: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a job: `status`, `progress`, `log` or `end`, and its data."""

    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of dead letters: which are gone, which were not found, whether all is done."""

    done: list[int]
    missing: list[int]
    complete: bool


def check(response: httpx.Response) -> httpx.Response:
    """Return a response that is no error; its body has been read.

    Raises:
        ApiError: it is one.
    """
    if response.is_success:
        return response
    raise api_error(response.status_code, response.content, response.headers.get("retry-after"))


def api_error(status: int, body: bytes, retry_after: str | None = None) -> ApiError:
    """Make an error of an answer, also of one that a proxy has made up."""
    try:
        members = json.loads(body)
    except ValueError:
        members = {}
    if not isinstance(members, dict):
        members = {}
    seconds = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    return ApiError(status, members, seconds)


def may_try_again(error: Exception) -> bool:
    """Whether a call that failed so may succeed later: no answer, or one that says so."""
    return not isinstance(error, ApiError) or error.is_worth_a_retry


def pause(failures: int, hint: float | None) -> float:
    """Seconds before the next try: what the API asks for, within reason, or longer and longer."""
    return min(30.0, hint if hint is not None else 0.25 * 2**failures)


def job(members: dict[str, Any]) -> Job:
    """Read the answer of `/status`."""
    return Job(members["task_id"], members["status"], members["result"])


def task_view(members: dict[str, Any]) -> TaskView:
    """Read the answer of `/tasks`."""
    return TaskView(
        members["task_id"], members["state"], members["result"], members["progress"], members
    )


def outcomes(members: dict[str, Any]) -> list[str | ApiError]:
    """Read the answer of `/enqueue/batch`: for each job the id of its task, or the problem."""
    return [
        item["task_id"] if "task_id" in item else ApiError(item["status"], item["problem"], None)
        for item in members["items"]
    ]


def settled(members: dict[str, Any]) -> Settled:
    """Read the answer of a call that settles dead letters."""
    return Settled(members["done"], members["missing"], members["complete"])


class EventReader:
    """Reads server-sent events line by line, and remembers where to go on.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """

    def __init__(self) -> None:
        self.last_id: str | None = None
        self._name = ""
        self._id: str | None = None
        self._data: list[str] = []

    def begin(self) -> None:
        """Another stream begins; what the one before has left unfinished is dropped."""
        self._name, self._id, self._data = "", self.last_id, []

    def feed(self, line: str) -> Event | None:
        """Take a line without its end; the event that it completes."""
        if line:
            name, _, value = line.partition(":")
            self._field(name, value.removeprefix(" "))
            return None
        self.last_id = self._id  # not before its event is whole: it says where to go on
        event = Event(self._name, json.loads("\n".join(self._data))) if self._data else None
        self._name, self._data = "", []
        return event

    def _field(self, name: str, value: str) -> None:
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
