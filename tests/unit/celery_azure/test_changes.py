from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from celery_azure.changes import WANTED, ChangeListener, ChangeTeller, ChangeWriter
from tests.unit.celery_azure.in_memory_blobs import InMemoryBlobs
from tests.unit.celery_azure.test_results import Backend

MINUTE = 29_000_000
NOW = MINUTE * 60.0 + 30
JOURNAL = f"changes/00{MINUTE}"


class World(InMemoryBlobs):
    """A container whose time a test moves, for one who writes and one who listens."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.is_away = False
        self.writer = self.new_writer()
        self.listener = self.new_listener()

    def new_writer(self) -> ChangeWriter:
        return ChangeWriter(self, now=lambda: self.now, clock=lambda: self.now)

    def new_listener(self) -> ChangeListener:
        return ChangeListener(OnLoop(self), now=lambda: self.now, clock=lambda: self.now)

    def read(self, name: str) -> Any:
        if self.is_away:
            raise ServiceRequestError("connection refused")
        return super().read(name)

    @property
    def journals(self) -> dict[str, bytes]:
        return {name: blob.content for name, blob in self.blobs.items() if name != WANTED}

    def questions(self) -> list[str]:
        """What was asked since the last call."""
        asked, self.asked = self.asked, []
        return asked


class OnLoop:
    """The container for an event loop."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.is_closed = False

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        stored = self._world.blobs.get(name)
        return None if stored is None else stored.content[start : start + length]

    async def write(self, name: str, content: bytes) -> str:
        return self._world.write(name, content)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def world() -> World:
    return World()


def test_while_nobody_listens_a_writer_looks_every_two_seconds_and_writes_nothing(
    world: World,
) -> None:
    for _ in range(100):
        if not world.writer.is_at_rest:
            world.writer.write(["a"])
        world.now += 0.1
    assert world.questions() == ["read"] * 5
    assert world.journals == {}


async def test_who_listens_hears_what_is_written_from_then_on_and_once(world: World) -> None:
    assert await world.listener.hear() == set()
    world.writer.write(["a", "b"])
    assert await world.listener.hear() == {"a", "b"}
    assert await world.listener.hear() == set()
    world.writer.write(["c"])
    assert await world.listener.hear() == {"c"}


async def test_two_listeners_hear_the_same(world: World) -> None:
    second = world.new_listener()
    await world.listener.hear()
    await second.hear()
    world.writer.write(["a"])
    assert await world.listener.hear() == await second.hear() == {"a"}


async def test_a_write_that_is_wanted_is_one_request(world: World) -> None:
    await world.listener.hear()
    world.writer.write(["a"])
    world.questions()
    world.now += 0.05
    world.writer.write(["b"])
    assert world.questions() == ["add"]


async def test_a_writer_goes_on_as_long_as_who_listens_renews_its_wish(world: World) -> None:
    for _ in range(200):
        await world.listener.hear()
        world.now += 1
        world.writer.write([])
        assert not world.writer.is_at_rest
    for _ in range(61):
        world.now += 1
        world.writer.write([])
    assert world.writer.is_at_rest


async def test_a_journal_that_another_process_has_just_begun_is_used(world: World) -> None:
    await world.listener.hear()

    def create_log(name: str) -> None:
        world.put(name, b"other\n")
        InMemoryBlobs.create_log(world, name)

    world.create_log = create_log  # type: ignore[method-assign] # quicker than this one
    world.writer.write(["a"])
    assert await world.listener.hear() == {"a", "other"}


async def test_nothing_is_missed_when_a_minute_ends_and_clocks_differ_a_little(
    world: World,
) -> None:
    heard = set()
    world.now = NOW + 20
    await world.listener.hear()
    for number in range(100):
        world.writer.write([str(number)])
        world.now += 4 if number % 2 else -3.9
        heard |= await world.listener.hear()
        world.now -= 0 if number % 2 else -4.1
    assert heard == {str(number) for number in range(100)}


async def test_journals_do_not_pile_up(world: World) -> None:
    for _ in range(20):
        await world.listener.hear()
        world.writer.write(["a"])
        world.now += 20
    assert len(world.journals) == 2


async def test_a_line_that_is_cut_is_read_whole_the_next_time(world: World) -> None:
    await world.listener.hear()
    world.writer.write(["first", "second"])
    assert await world.listener.hear(part_bytes=8) == {"first", "second"}


async def test_a_line_that_is_no_text_hides_none_of_the_others(world: World) -> None:
    await world.listener.hear()
    world.writer.write(["first"])
    world.put(JOURNAL, world.blobs[JOURNAL].content + b"\xff\n")
    world.writer.write(["second"])
    assert await world.listener.hear() > {"first", "second"}


async def test_an_outage_is_no_error_and_is_tried_again_later(world: World) -> None:
    world.is_away = True
    world.writer.write(["a"])
    assert world.writer.is_at_rest
    world.is_away = False
    await world.listener.hear()
    world.now += 2
    world.writer.write(["b"])
    assert await world.listener.hear() == {"b"}


def test_the_connections_of_who_listens_are_closed(world: World) -> None:
    blobs = OnLoop(world)
    ChangeListener(blobs).close()
    assert blobs.is_closed


class Now:
    """Stands where a thread would: what it is to do is done by the test."""

    def __init__(self, target: Callable[[], None], **_: object) -> None:
        self.run = target
        self.is_started = False

    def start(self) -> None:
        self.is_started = True


class _TurnIsOverError(BaseException):
    """Ends an endless loop."""


def test_a_teller_writes_together_what_was_told_during_a_pause(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celery_azure.changes.threading.Thread", Now)
    world.write(WANTED, b"")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise _TurnIsOverError
        for task_id in ("b", "c", "b"):
            teller.tell(task_id)

    teller = ChangeTeller(world.new_writer, pause)
    teller.tell("a")
    thread: Any = teller._thread
    assert thread.is_started
    with pytest.raises(_TurnIsOverError):
        thread.run()
    assert world.journals == {JOURNAL: b"a\nb\nc\n"}
    assert pauses == [0.05, 0.05]


def test_a_teller_keeps_nothing_while_nobody_listens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celery_azure.changes.threading.Thread", Now)
    writer = world.new_writer()
    writer.write([])
    teller = ChangeTeller(lambda: writer)
    teller.tell("a")
    assert teller._thread is None


def test_a_child_process_begins_with_a_writer_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celery_azure.changes.threading.Thread", Now)
    teller = ChangeTeller(world.new_writer)
    teller.tell("a")
    monkeypatch.setattr("celery_azure.changes.os.getpid", lambda: -1)
    teller.tell("b")
    assert list(teller._ids) == ["b"]


@pytest.mark.parametrize("state", ["STARTED", "PROGRESS", "SUCCESS", "FAILURE"])
def test_a_backend_tells_of_each_state_that_it_has_written(state: str) -> None:
    told: list[str] = []

    class Teller:
        def tell(self, task_id: str) -> None:
            told.append(task_id)

    backend = Backend()
    teller: Any = Teller()
    backend._teller = teller
    backend.store_result("1", {}, "SUCCESS")
    backend.store_result("1", {}, "FAILURE")  # is not written
    backend.store_result("2", {} if state != "FAILURE" else ValueError(), state)
    assert told == ["1", "2"]


def test_a_backend_tells_nothing_unless_it_is_asked_to() -> None:
    assert Backend()._teller is None
