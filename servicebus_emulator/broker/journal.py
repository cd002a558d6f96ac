"""What has changed in a namespace since it was last saved.

The entities tell it; whoever keeps files writes it down and calls `settle`. Neither knows the
other. A message that comes and goes between two of these is never mentioned. Locks are not
written down: they are void after a restart, as in the cloud.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.broker.store import MessageStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from servicebus_emulator.broker.access import AccessKey
    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.broker.message import Message, MessageState

PARTS = 4
"""Keys that an entity takes: its own, those of its two sub-queues, and one that is spare."""


class JournaledStore(MessageStore):
    """A store of messages that remembers what has happened to it.

    Attributes:
        entity: Whose messages these are.
        pending: By sequence number, messages that are new or have changed; None for those that
            are gone.
        is_wiped: All that was here before has been removed at once.
    """

    __slots__ = ("_fresh", "_journal", "entity", "is_wiped", "pending")

    def __init__(self, journal: Journal, entity: Intake) -> None:
        super().__init__()
        self._journal = journal
        self._fresh: set[int] = set()  # numbers in `pending` that have never been saved
        self.entity = entity
        self.pending: dict[int, Message | None] = {}
        self.is_wiped = False

    def add(self, message: Message) -> None:
        """Keep a message under its sequence number, which must be free."""
        super().add(message)
        number = message.sequence_number
        if number not in self.pending:
            self._fresh.add(number)
        self._write(message)

    def remove(self, message: Message) -> None:
        """Forget a message that is here."""
        super().remove(message)
        number = message.sequence_number
        if number in self._fresh:
            self._fresh.discard(number)
            del self.pending[number]
        else:
            self.pending[number] = None
        self.touch()

    def set_state(self, message: Message, state: MessageState) -> None:
        """Give a message that is here another state."""
        super().set_state(message, state)
        self._write(message)

    def changed(self, message: Message) -> None:
        """Something else about a message that is here has changed."""
        self._write(message)

    def clear(self) -> None:
        """Forget all messages."""
        super().clear()
        self.pending.clear()
        self._fresh.clear()
        self.is_wiped = True
        self.touch()

    def touch(self) -> None:
        """The entity has counted on."""
        self._journal.note_store(self)

    def settle(self) -> None:
        """All is saved."""
        self.pending.clear()
        self._fresh.clear()
        self.is_wiped = False

    def _write(self, message: Message) -> None:
        self.pending[message.sequence_number] = message
        self.touch()


class Journal:
    """The changes of all entities; empty when everything is saved.

    Attributes:
        stores: Whose messages have changed, or whose last sequence number has.
        entities: Those that are new, or whose properties or rules have changed.
        removed: The keys of those that are gone.
        sessions: Sessions whose state has changed, with their entities.
        identities: What duplicates are found by, with its entity and how long it is remembered.
        policies: The namespace's own shared access policies, if they have changed.
    """

    def __init__(self) -> None:
        self.stores: dict[JournaledStore, None] = {}
        self.entities: dict[Intake, None] = {}
        self.removed: list[int] = []
        self.sessions: dict[tuple[Intake, str], None] = {}
        self.identities: list[tuple[Intake, str, float]] = []
        self.policies: Mapping[str, AccessKey] | None = None
        self._keys: dict[Intake, int] = {}
        self._last_key = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to save."""
        changes = self.stores, self.entities, self.removed, self.sessions, self.identities
        return self.policies is None and not any(changes)

    def key(self, entity: Intake) -> int | None:
        """The number under which an entity is saved; a sub-queue's follows its owner's.

        None for one that has been removed, and that somebody still has in hand.
        """
        owner, part = entity.place
        key = self._keys.get(owner)
        return None if key is None else key + part

    def adopt(self, entity: Intake, key: int) -> None:
        """An entity was saved under that number."""
        self._keys[entity] = key
        self._last_key = max(self._last_key, key)

    def note_entity(self, entity: Intake) -> None:
        """An entity is new, or something about it has changed that is no message."""
        owner, _ = entity.place
        if owner not in self._keys:
            self._last_key += PARTS
            self._keys[owner] = self._last_key
        self.entities[owner] = None

    def note_removal(self, entity: Intake) -> None:
        """An entity is gone, with its messages and sub-queues."""
        key = self._keys.pop(entity, None)
        if key is None:
            return
        self.removed.append(key)
        self.entities.pop(entity, None)
        for store in [store for store in self.stores if store.entity.place[0] is entity]:
            del self.stores[store]
        for session in [session for session in self.sessions if session[0] is entity]:
            del self.sessions[session]
        self.identities = [each for each in self.identities if each[0] is not entity]

    def note_store(self, store: JournaledStore) -> None:
        """Messages have changed."""
        self.stores[store] = None

    def note_session(self, entity: Intake, session_id: str) -> None:
        """The state of a session has changed."""
        self.sessions[entity, session_id] = None

    def note_identity(self, entity: Intake, message_id: str, until: float) -> None:
        """An identity is remembered until a time, in seconds since the epoch."""
        self.identities.append((entity, message_id, until))

    def counters(self) -> Iterator[Intake]:
        """The entities whose last sequence number or time of use may have changed."""
        return iter(dict.fromkeys(store.entity.place[0] for store in self.stores))

    def settle(self) -> None:
        """All is saved."""
        for store in self.stores:
            store.settle()
        self.stores.clear()
        self.entities.clear()
        self.removed.clear()
        self.sessions.clear()
        self.identities.clear()
        self.policies = None
