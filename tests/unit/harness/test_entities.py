from email.message import Message
from urllib.error import HTTPError

import pytest

from harness.entities import Entities


class RecordingAdmin:
    """Keeps what is there; refuses what a test tells it to refuse."""

    def __init__(self, *, has_auto_delete: bool = True, stuck: str = "") -> None:
        self.queues: dict[str, tuple[int, int, int | None]] = {}
        self.deleted_containers: list[str] = []
        self._has_auto_delete = has_auto_delete
        self._stuck = stuck

    def create_queue(
        self, name: str, *, lock_seconds: int, max_delivery_count: int, idle_minutes: int | None
    ) -> None:
        if idle_minutes is not None and not self._has_auto_delete:
            raise HTTPError("https://namespace", 400, "Bad Request", Message(), None)
        self.queues[name] = (lock_seconds, max_delivery_count, idle_minutes)

    def delete_queue(self, name: str) -> None:
        if name == self._stuck:
            raise HTTPError("https://namespace", 500, "Internal Error", Message(), None)
        self.queues.pop(name, None)

    def delete_container(self, name: str) -> None:
        self.deleted_containers.append(name)


def test_no_two_names_are_the_same() -> None:
    entities = Entities(RecordingAdmin(), "run")

    names = [entities.create_queue(), entities.create_queue()]
    names += [entities.name_container(), entities.name_container()]

    assert len(set(names)) == 4
    assert all(name.startswith("run-") for name in names)


def test_names_of_containers_are_legal() -> None:
    name = Entities(RecordingAdmin(), "test-0a1b2c3d").name_container()

    assert 3 <= len(name) <= 63
    assert name == name.lower()
    assert "--" not in name


def test_a_queue_has_the_wanted_properties() -> None:
    admin = RecordingAdmin()

    name = Entities(admin, idle_minutes=60).create_queue(lock_seconds=5, max_delivery_count=2)

    assert admin.queues == {name: (5, 2, 60)}


def test_a_namespace_without_auto_delete_gets_queues_without_it() -> None:
    admin = RecordingAdmin(has_auto_delete=False)
    entities = Entities(admin, idle_minutes=60)

    names = [entities.create_queue(), entities.create_queue()]

    assert admin.queues == dict.fromkeys(names, (60, 10, None))


def test_everything_is_deleted_and_nothing_twice() -> None:
    admin = RecordingAdmin()
    entities = Entities(admin)
    entities.delete_queue(entities.create_queue())
    entities.create_queue()
    container = entities.name_container()

    entities.delete_all()
    entities.delete_all()

    assert admin.queues == {}
    assert admin.deleted_containers == [container]


def test_what_cannot_be_deleted_is_named_and_the_rest_is_deleted() -> None:
    admin = RecordingAdmin()
    entities = Entities(admin)
    stuck, other = entities.create_queue(), entities.create_queue()
    admin._stuck = stuck

    with pytest.raises(ExceptionGroup) as caught:
        entities.delete_all()

    (failure,) = caught.value.exceptions
    assert failure.__notes__ == [f"{stuck} is left."]
    assert other not in admin.queues
    assert entities.queues == [stuck]
