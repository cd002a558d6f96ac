import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.journal import Journal
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.broker.message import Message
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.clock import ManualClock
from servicebus_emulator.server.data_file import NAME, DataFile, DataFileError, Durability
from servicebus_emulator.server.saving import Saving


def fill(folder: Path, count: int = 3) -> None:
    """Save a queue with some messages."""
    journal = Journal()
    namespace = Namespace(uuid4, journal=journal)
    queue = namespace.create_queue("q", now=1.0)
    for number in range(count):
        queue.send(Message(f"m{number}", b"x" * 100, 100), 1.0)
    file = DataFile(folder)
    file.save(journal, 1.0)
    file.close()


def load(folder: Path, limits: Limits | None = None) -> Namespace:
    journal = Journal()
    namespace = Namespace(uuid4, limits=limits, journal=journal)
    file = DataFile(folder)
    try:
        file.load(namespace, journal, 2.0)
    finally:
        file.close()
    return namespace


def execute(folder: Path, *statements: str) -> None:
    database = sqlite3.connect(folder / NAME, isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()


@pytest.mark.parametrize("durability", ["process", "machine"])
def test_what_was_saved_is_there_again(tmp_path: Path, durability: Durability) -> None:
    folder = tmp_path / "made" / "for it"
    DataFile(folder, durability).close()
    fill(folder)

    assert load(folder).get_queue("q").counts(2.0).active == 3


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
def test_a_file_is_for_its_owner_only(tmp_path: Path) -> None:
    fill(tmp_path)

    assert (tmp_path / NAME).stat().st_mode & 0o077 == 0


def test_a_file_can_be_opened_by_one_only(tmp_path: Path) -> None:
    file = DataFile(tmp_path)
    with pytest.raises(DataFileError, match="in use by another emulator"):
        DataFile(tmp_path)
    file.close()
    DataFile(tmp_path).close()


def test_a_file_that_is_no_database_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"not a database at all" * 100)
    with pytest.raises(DataFileError, match="no file of the emulator"):
        DataFile(tmp_path)

    assert (tmp_path / NAME).read_bytes() == b"not a database at all" * 100


def test_a_database_of_another_program_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    execute(tmp_path, "CREATE TABLE theirs (a)")
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(DataFileError, match="of another program"):
        DataFile(tmp_path)

    assert (tmp_path / NAME).read_bytes() == before


def test_a_file_of_a_newer_version_is_told_with_both_versions(tmp_path: Path) -> None:
    fill(tmp_path)
    execute(tmp_path, "PRAGMA user_version = 7")

    with pytest.raises(DataFileError, match=r"newer emulator \(format 7; this one .* up to 2\)"):
        DataFile(tmp_path)


def test_a_file_in_which_bytes_were_overwritten_is_told_as_damaged(tmp_path: Path) -> None:
    fill(tmp_path, 500)
    path = tmp_path / NAME
    data = bytearray(path.read_bytes())
    data[4096 * 3 : -4096] = b"\xee" * (len(data) - 4096 * 4)
    path.write_bytes(data)

    with pytest.raises(DataFileError, match="damaged"):
        DataFile(tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entities SET description = '{}'",
        "UPDATE entities SET kind = 'tree'",
        "DELETE FROM entities",
        "UPDATE messages SET state = 9",
        "UPDATE messages SET more = x'00'",
        "UPDATE messages SET id = id + (3 << 40)",
        "INSERT INTO sessions VALUES (99, 's', x'00', 0)",
        "INSERT INTO identities VALUES (99, 'm', 0)",
        "DROP TABLE messages",
    ],
)
def test_what_no_emulator_can_have_written_is_told_with_the_file(
    tmp_path: Path, statement: str
) -> None:
    fill(tmp_path)
    execute(tmp_path, statement)

    with pytest.raises(DataFileError, match=f"{NAME}: it cannot be restored"):
        load(tmp_path)


def test_a_file_with_more_than_the_profile_allows_is_told(tmp_path: Path) -> None:
    fill(tmp_path)

    with pytest.raises(DataFileError, match="at most 0 entities"):
        load(tmp_path, Limits(max_entities=0))


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(DataFileError, match="file"):
        DataFile(tmp_path / "file")


def test_identities_that_are_forgotten_are_swept_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("servicebus_emulator.server.data_file._IDENTITIES_BETWEEN_SWEEPS", 2)
    journal = Journal()
    namespace = Namespace(uuid4, journal=journal)
    unique = QueueDescription(requires_duplicate_detection=True)
    queue = namespace.create_queue("q", unique, now=0.0)
    file = DataFile(tmp_path)
    for number in range(4):
        queue.send(Message(f"m{number}", b"", 1), 1000.0 * number)
        file.save(journal, 1000.0 * number)
    [(left,)] = file._db.execute("SELECT count(*) FROM identities")
    file.close()

    assert left == 1


@pytest.fixture
def broken_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let every write fail until the function that is given is called."""
    write = DataFile._write

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(DataFile, "_write", fail)
    return lambda: monkeypatch.setattr(DataFile, "_write", write)


def test_what_could_not_be_saved_is_saved_by_the_next_call(
    tmp_path: Path, broken_disk: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    journal = Journal()
    namespace = Namespace(uuid4, journal=journal)
    saving = Saving(tmp_path, "process", journal, ManualClock())
    namespace.create_queue("q", now=0.0)
    assert [saving.save(), saving.save()] == [False, False]
    broken_disk()
    assert [saving.save(), saving.save()] == [True, True]
    saving.close()

    assert load(tmp_path).get_queue("q").path == "q"
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "disk is full" in caplog.text


def test_a_file_of_the_first_version_is_read_and_renewed(tmp_path: Path) -> None:
    fill(tmp_path)
    execute(tmp_path, "DROP TABLE policies", "PRAGMA user_version = 1")

    assert load(tmp_path).get_queue("q").counts(2.0).active == 3
    assert load(tmp_path).access_keys == {}


def test_policies_are_saved_when_they_change_and_come_back_in_their_order(tmp_path: Path) -> None:
    journal = Journal()
    namespace = Namespace(uuid4, journal=journal)
    policies = [AccessKey(name, "key", Right.SEND, "second", 1.0, 2.0) for name in "bca"]
    file = DataFile(tmp_path)
    for policy in policies:
        namespace.put_policy(policy)
    file.save(journal, 1.0)
    assert journal.is_empty
    namespace.remove_policy("c")
    file.save(journal, 2.0)
    file.close()
    found = load(tmp_path).access_keys

    assert list(found.values()) == [policies[0], policies[2]]
    assert [found["b"].created_at, found["b"].modified_at] == [1.0, 2.0]


def test_a_policy_that_cannot_be_read_is_told_without_its_key(tmp_path: Path) -> None:
    fill(tmp_path)
    execute(tmp_path, """INSERT INTO policies (policy) VALUES ('{"key": "secret"}')""")

    with pytest.raises(DataFileError, match="a shared access policy") as told:
        load(tmp_path)
    assert "secret" not in str(told.value)
