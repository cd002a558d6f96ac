"""One client's connection as the nodes see it: what it has proved, and where its replies go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicebus_emulator.amqp.connection import Connection
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.broker.access import Right
    from servicebus_emulator.broker.transactions import Transaction
    from servicebus_emulator.nodes.link_end import LinkEnd
    from servicebus_emulator.nodes.sas import Claim
    from servicebus_emulator.nodes.watch import Fate, Watch

MOST_UNSENT = 256 * 1024
"""Bytes of messages that wait to be written out, from which on no others join them."""
_MOST_CLAIMS = 1000  # a client has one per entity; more is no client


class Peer:
    """A connection and its standing.

    Attributes:
        connection: The AMQP connection.
        number: Counts the clients of the container.
        address: Where the client is, for people.
        real_now: Seconds since the epoch by the clients' clock, against which tokens are checked;
            set anew with each chunk of bytes. The broker's own time may have been moved.
        reads: False while the client does not read what was already written to it.
        unsent: Bytes of messages put into the connection since it was last written out.
        container_id: What the client calls itself in its open; empty before that.
        opened: The client has sent its open.
        ends: Our ends of the client's links.
        fate: What is to become of the transport; None for nothing unusual.
        watch: Told of what is sent to the client while it is alert; None for nobody.
        transactions: By id, those that are not discharged; None for what was rolled back meanwhile.
        reply_links: By request node (its path in lower case), the links on which it answers.
    """

    __slots__ = (
        "_claims",
        "address",
        "connection",
        "container_id",
        "ends",
        "fate",
        "number",
        "opened",
        "reads",
        "real_now",
        "reply_links",
        "transactions",
        "unsent",
        "watch",
    )

    def __init__(self, connection: Connection, real_now: float) -> None:
        self.connection = connection
        self.number = 0
        self.address = ""
        self.real_now = real_now
        self.reads = True
        self.unsent = 0
        self.container_id = ""
        self.opened = False
        self.ends: dict[Link, LinkEnd] = {}
        self.fate: Fate | None = None
        self.watch: Watch | None = None
        self.reply_links: dict[str, list[Link]] = {}
        self.transactions: dict[bytes, Transaction | None] = {}
        self._claims: dict[str, Claim] = {}

    @property
    def can_take(self) -> bool:
        """Whether more can be put into the connection without piling it up in memory."""
        return self.reads and self.unsent < MOST_UNSENT

    def written_out(self) -> bool:
        """The connection's bytes have been handed to the transport; whether more can follow now."""
        goes_on = self.unsent >= MOST_UNSENT and self.reads
        self.unsent = 0
        if goes_on:
            self.wake()
        return goes_on

    def set_reading(self, *, reads: bool) -> None:
        """The client has stopped reading, or reads again."""
        self.reads = reads
        if reads:
            self.wake()

    def wake(self) -> None:
        """Let all links take part in deliveries again."""
        for end in self.ends.values():
            end.on_writable()

    def grant(self, claim: Claim) -> None:
        """Remember what the client has proved; a newer claim for the same path replaces the old."""
        key = claim.path.casefold()
        if key not in self._claims and len(self._claims) >= _MOST_CLAIMS:
            del self._claims[next(iter(self._claims))]
        self._claims[key] = claim

    def may(self, right: Right, path: str) -> bool:
        """Whether some claim of the client grants `right` on the entity `path` now."""
        return any(claim.allows(path, right, self.real_now) for claim in self._claims.values())

    def revoke(self) -> None:
        """Forget what the client has proved."""
        self._claims.clear()

    def forget(self, link: Link, now: float) -> None:
        """A link has ended."""
        end = self.ends.pop(link, None)
        if end is not None:
            end.on_gone(now)
