"""The file in which a namespace outlives the process: SQLite, written once a turn of the loop.

A transaction holds everything that clients are told in one turn, and is committed before they are
told. So what was acknowledged is in the file, and the file is never in between two states.
Source: https://www.sqlite.org/pragma.html and https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.broker.journal import PARTS
from servicebus_emulator.broker.restoring import Restoration, SavedEntity
from servicebus_emulator.broker.sessions import Sessions
from servicebus_emulator.broker.subscription import Subscription
from servicebus_emulator.nodes.records import (
    KINDS,
    InvalidRecordError,
    MessageRecord,
    read_description,
    read_message,
    read_policy,
    read_rules,
    write_description,
    write_message,
    write_policy,
    write_rules,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.broker.journal import Journal, JournaledStore
    from servicebus_emulator.broker.namespace import Namespace

NAME: Final = "servicebus-emulator.sqlite3"
Durability = Literal["process", "machine"]
"""What a commit outlives: the end of the process however it comes, or also a power failure."""

_APPLICATION_ID = 0x5342_454D
_VERSION = 2
_NUMBER_BITS = 40  # of a row's id: the sequence number; the key of the queue is above
_SYNCHRONOUS: dict[Durability, str] = {"process": "NORMAL", "machine": "FULL"}
_IDENTITIES_BETWEEN_SWEEPS = 10_000
_TABLES = """
CREATE TABLE entities (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, topic TEXT, name TEXT NOT NULL,
    description TEXT NOT NULL, rules BLOB, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    last_number INTEGER NOT NULL
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, message_id TEXT NOT NULL, session_id TEXT, state INTEGER NOT NULL,
    size INTEGER NOT NULL, delivery_count INTEGER NOT NULL, enqueued_at REAL NOT NULL,
    expires_at REAL, more BLOB, content BLOB NOT NULL
);
CREATE TABLE sessions (
    entity INTEGER NOT NULL, session_id TEXT NOT NULL, state BLOB NOT NULL,
    updated_at REAL NOT NULL, PRIMARY KEY (entity, session_id)
) WITHOUT ROWID;
CREATE TABLE identities (
    entity INTEGER NOT NULL, message_id TEXT NOT NULL, until REAL NOT NULL,
    PRIMARY KEY (entity, message_id)
) WITHOUT ROWID;
"""
_POLICIES = "CREATE TABLE IF NOT EXISTS policies (id INTEGER PRIMARY KEY, policy TEXT NOT NULL)"
"""Since version 2."""


class DataFileError(ValueError):
    """The file cannot be used; the text says which and why."""


class DataFile:
    """An open file, which nobody else can open meanwhile.

    Args:
        folder: Where it is, or is to be; made when it is missing.
        durability: What a commit outlives.

    Raises:
        ValueError: There is no such durability.
        DataFileError: It is damaged, somebody else's, of a newer version, in use, or out of reach.
    """

    def __init__(self, folder: str | PathLike[str], durability: Durability = "process") -> None:
        if durability not in _SYNCHRONOUS:
            known = ", ".join(_SYNCHRONOUS)
            raise ValueError(f"there is no durability '{durability}': known are {known}")
        self._path = Path(folder, NAME)
        self._unswept = 0
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)  # access keys stand in it
            self._db = sqlite3.connect(self._path, timeout=0.0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise DataFileError(f"{self._path}: {error}") from error
        try:
            self._begin(durability)
        except DataFileError:
            self._db.close()
            raise
        except sqlite3.Error as error:
            self._db.close()
            raise DataFileError(f"{self._path}: {_reason(error)}") from error

    def close(self) -> None:
        """Let others have the file."""
        self._db.close()

    def load(self, namespace: Namespace, journal: Journal, now: float) -> None:
        """Fill an empty namespace, and a journal that knows everything as saved.

        Raises:
            DataFileError: What is in the file cannot have been written by an emulator, or the
                namespace does not allow it.
        """
        restoration = Restoration(namespace, now)
        try:
            for saved in self._saved_entities():
                entity = restoration.add_entity(saved)
                journal.adopt(entity, saved.key)
            for (policy,) in self._db.execute("SELECT policy FROM policies ORDER BY id"):
                namespace.put_policy(read_policy(policy))
            self._load_messages(restoration)
            self._load_details(restoration)
        except (BrokerError, InvalidRecordError, KeyError, sqlite3.Error) as error:
            raise DataFileError(f"{self._path}: it cannot be restored: {error}") from error
        journal.settle()

    def save(self, journal: Journal, now: float) -> None:
        """Write all changes, in one transaction.

        Raises:
            sqlite3.Error: Nothing was written; the journal still knows everything.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._write(journal, now)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        journal.settle()

    # -- opening ---------------------------------------------------------------------------------

    def _begin(self, durability: Durability) -> None:
        db = self._db
        application, version = self._pragma("application_id"), self._pragma("user_version")
        is_new = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if not is_new and application != _APPLICATION_ID:
            raise DataFileError(f"{self._path}: it is a database of another program.")
        if not is_new and version > _VERSION:
            raise DataFileError(
                f"{self._path}: it was written by a newer emulator (format {version}; this one "
                f"knows formats up to {_VERSION})."
            )
        # Alone with the file, SQLite needs no shared memory; the lock lasts until it is closed.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        db.execute("BEGIN EXCLUSIVE")
        if is_new:
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        db.execute(_POLICIES)
        db.execute(f"PRAGMA user_version = {_VERSION}")
        db.execute("COMMIT")
        fault = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if fault != "ok":
            raise DataFileError(f"{self._path}: it is damaged: {fault}")

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    # -- reading ---------------------------------------------------------------------------------

    def _saved_entities(self) -> Iterator[SavedEntity]:
        rows = self._db.execute(
            "SELECT id, kind, topic, name, description, rules, created_at, updated_at, last_number "
            "FROM entities ORDER BY id"
        )
        for key, kind, topic, name, description, rules, created, updated, last in rows:
            yield SavedEntity(
                key,
                name,
                read_description(kind, description),
                created,
                updated,
                last,
                topic,
                [] if rules is None else read_rules(rules),
            )

    def _load_messages(self, restoration: Restoration) -> None:
        columns = ", ".join(MessageRecord._fields)
        for row in self._db.execute(f"SELECT id, {columns} FROM messages ORDER BY id"):  # noqa: S608 (names of this program)
            key, number = divmod(row[0], 1 << _NUMBER_BITS)
            part = key % PARTS
            message = read_message(MessageRecord(*row[1:]), number)
            restoration.add_message(key - part, part, message)

    def _load_details(self, restoration: Restoration) -> None:
        db = self._db
        for key, *saved in db.execute("SELECT entity, session_id, state, updated_at FROM sessions"):
            if (sessions := _sessions(restoration.entities[key])) is not None:
                sessions.restore(*saved)
        identities = "SELECT entity, message_id, until FROM identities ORDER BY until"
        for key, *saved in db.execute(identities):
            restoration.entities[key].restore_identity(*saved)

    # -- writing ---------------------------------------------------------------------------------

    def _write(self, journal: Journal, now: float) -> None:
        for key in journal.removed:
            self._forget(key, PARTS)
            self._db.execute("DELETE FROM entities WHERE id = ?", (key,))
        for entity in journal.entities:
            self._write_entity(journal, entity)
        if journal.policies is not None:
            self._db.execute("DELETE FROM policies")
            rows = ((write_policy(policy),) for policy in journal.policies.values())
            self._db.executemany("INSERT INTO policies (policy) VALUES (?)", rows)
        for store in journal.stores:
            self._write_store(journal.key(store.entity), store)
        counters = [
            (entity.last_sequence_number, journal.key(entity)) for entity in journal.counters()
        ]
        self._db.executemany("UPDATE entities SET last_number = ? WHERE id = ?", counters)
        for entity, session_id in journal.sessions:
            self._write_session(journal.key(entity), entity, session_id)
        if journal.identities:
            self._write_identities(journal, now)

    def _write_entity(self, journal: Journal, entity: Intake) -> None:
        topic, name, rules = None, entity.path, None
        if isinstance(entity, Subscription):
            topic, name = entity.topic_path, entity.name
            rules = write_rules(entity.rules)
        [kind] = [kind for kind, wanted in KINDS.items() if type(entity.description) is wanted]
        row = (journal.key(entity), kind, topic, name, write_description(entity.description))
        times = (entity.created_at, entity.updated_at, entity.last_sequence_number)
        self._db.execute(
            "INSERT OR REPLACE INTO entities (id, kind, topic, name, description, rules, "
            "created_at, updated_at, last_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, rules, *times),
        )

    def _write_store(self, key: int | None, store: JournaledStore) -> None:
        if key is None:
            return
        if store.is_wiped:
            self._forget(key, 1)
        first = key << _NUMBER_BITS
        gone = [(first + number,) for number, each in store.pending.items() if each is None]
        self._db.executemany("DELETE FROM messages WHERE id = ?", gone)
        self._db.executemany(
            "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (first + number, *write_message(message))
                for number, message in store.pending.items()
                if message is not None
            ),
        )

    def _write_session(self, key: int | None, entity: Intake, session_id: str) -> None:
        sessions = _sessions(entity)
        saved = None if sessions is None else sessions.saved_state(session_id)
        if key is None:
            return
        if saved is None:
            statement = "DELETE FROM sessions WHERE entity = ? AND session_id = ?"
            self._db.execute(statement, (key, session_id))
        else:
            statement = "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?)"
            self._db.execute(statement, (key, session_id, *saved))

    def _write_identities(self, journal: Journal, now: float) -> None:
        keys = ((journal.key(entity), rest) for entity, *rest in journal.identities)
        rows = [(key, *rest) for key, rest in keys if key is not None]
        self._db.executemany("INSERT OR REPLACE INTO identities VALUES (?, ?, ?)", rows)
        self._unswept += len(rows)
        if self._unswept >= _IDENTITIES_BETWEEN_SWEEPS:
            self._unswept = 0
            self._db.execute("DELETE FROM identities WHERE until <= ?", (now,))

    def _forget(self, key: int, parts: int) -> None:
        """Remove all that is in an entity and the next ones."""
        between = (key << _NUMBER_BITS, (key + parts) << _NUMBER_BITS)
        self._db.execute("DELETE FROM messages WHERE id >= ? AND id < ?", between)
        self._db.execute("DELETE FROM sessions WHERE entity = ?", (key,))
        self._db.execute("DELETE FROM identities WHERE entity = ?", (key,))


def _sessions(entity: Intake) -> Sessions | None:
    sessions = getattr(entity, "sessions", None)
    return sessions if isinstance(sessions, Sessions) else None


def _reason(error: sqlite3.Error) -> str:
    """What a person can do something about."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "it is in use by another emulator."
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return f"it is damaged, or no file of the emulator ({error})."
    return f"{error}."
