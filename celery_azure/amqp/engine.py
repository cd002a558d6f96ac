"""Links that stay while connections come and go: authorization, attaching again, patience.

An engine belongs to one namespace and one thread. Whoever drives it gives it connections, bytes
and the time, and fetches tokens for it; it gives bytes, the next deadline, and what it needs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from celery_azure.amqp.claims import Claim, token_request
from celery_azure.amqp.connection import CONNECTION_LOST, Connection, State
from celery_azure.amqp.frames import AmqpError
from celery_azure.amqp.isolation import call_each
from celery_azure.amqp.patience import LONGEST_DELAY, delay_seconds, wait_seconds
from celery_azure.amqp.requests import PERMANENT, Answer, Requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.amqp.link import Link

TICK_SECONDS = 0.25
"""How exactly deadlines of messages and links are kept."""

_ATTACH_SECONDS = 20.0
_STEADY_SECONDS, _FLAPS = 2.0, 3
"""What has worked for so long may be tried again at once when it breaks."""

_UNAUTHORIZED = frozenset({"amqp:unauthorized-access", "com.microsoft:auth-failed"})


class Timed(Protocol):
    """Something with deadlines of its own."""

    def expire(self, now: float) -> None:
        """Look at them."""


class Engine:
    """Keeps the links of one namespace attached.

    Args:
        host: The host, with a port where it is an unusual one.
        container_id: Our name on the connection.
        chance: Gives numbers from 0 to 1, so that many clients do not come back at once.
        wall_offset: Gives the seconds to add to `now` for the time since 1970: they change when
            the clock is set, or the machine has slept.

    Attributes:
        trouble: Why nothing works just now; empty while it does.
        connections: How many connections have been opened.
    """

    def __init__(
        self,
        host: str,
        container_id: str,
        chance: Callable[[], float],
        wall_offset: Callable[[], float],
    ) -> None:
        self.host = host
        self.connection: Connection | None = None
        self.connect_at: float | None = None
        self.on_outage: Callable[[AmqpError], None] = lambda _: None
        self.on_recovery: Callable[[], None] = lambda: None
        self.is_outage_told = False
        self.trouble = ""
        self.token_wanted: list[str] = []
        self._container_id = container_id
        self._chance = chance
        self._wall_offset = wall_offset
        self._links: dict[Link, None] = {}
        self._timed: dict[Timed, None] = {}
        self._claims: dict[str, Claim] = {}
        self._cbs: Requests | None = None
        self._failures = 0
        self._opened_at = 0.0
        self._was_open = False
        self._farewell = b""
        self._next_tick = 0.0
        self.connections = 0

    def wall(self, now: float) -> float:
        """The time since 1970, in seconds."""
        return now + self._wall_offset()

    # -- what is wanted --------------------------------------------------------------------------

    def add(self, link: Link, now: float) -> None:
        """Attach a link, and again whenever it goes down."""
        self._links[link] = None
        link.supervisor = self
        link.retry_at = now
        if self.connection is None and self.connect_at is None:
            self.connect_at = now
        self._advance(link, now)

    def remove(self, link: Link) -> None:
        """Close a link for good."""
        self._links.pop(link, None)
        link.supervisor = None
        if link.connection is not None:
            link.connection.detach(link)

    def add_requests(self, requests: Requests, now: float) -> None:
        """Attach both links of a pair."""
        self.watch(requests)
        for link in requests.links:
            self.add(link, now)

    def remove_requests(self, requests: Requests) -> None:
        """Close both links of a pair."""
        self.unwatch(requests)
        for link in requests.links:
            self.remove(link)

    def watch(self, timed: Timed) -> None:
        """Call `expire` every `TICK_SECONDS`."""
        self._timed[timed] = None

    def unwatch(self, timed: Timed) -> None:
        """Call it no more."""
        self._timed.pop(timed, None)

    # -- a connection's life ---------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """A socket is connected: speak."""
        self.connect_at = None
        self._was_open = False
        self._farewell = b""
        self.connection = Connection(self.host, self._container_id, now)

    def receive(self, data: bytes, now: float) -> None:
        """Take what the socket has given."""
        connection = self.connection
        if connection is None:
            return
        connection.receive(data, now)
        if not self._was_open and connection.state is State.OPEN:
            self._on_open(now)
        elif connection.state is State.CLOSED:
            self._on_lost(connection.error, now)

    def lost(self, reason: str, now: float) -> None:
        """The socket is gone, or could not be connected."""
        error = AmqpError(CONNECTION_LOST, reason)
        try:
            if self.connection is not None:
                self.connection.lose(error, now)
        finally:
            self._on_lost(error, now)
            self._farewell = b""

    def take_output(self) -> bytes:
        """What is to be written to the socket now."""
        if self.connection is not None:
            return self.connection.take_output()
        farewell, self._farewell = self._farewell, b""
        return farewell

    def close(self, now: float) -> None:
        """Say good-bye; what is to be written is still to be taken."""
        self._links.clear()
        if self.connection is not None:
            self.connection.close(now)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection that the peer has opened, too."""
        return self._was_open

    @property
    def is_closed(self) -> bool:
        """Whether the socket, if there is one, is to be closed."""
        return self.connection is None or self.connection.state is State.CLOSED

    # -- time ------------------------------------------------------------------------------------

    def deadline(self) -> float | None:
        """When `expire` is to be called at the latest; None for never."""
        deadlines = [self._next_tick] if self._links or self._timed else []
        if self.connection is not None:
            deadlines.append(self.connection.deadline())
        if self.connect_at is not None:
            deadlines.append(self.connect_at)
        return min(deadlines, default=None)

    def expire(self, now: float) -> None:
        """Do what the time asks for.

        Raises:
            Exception: What the first of those has raised that failed; the others had their turn.
        """
        if self.connection is not None:
            self.connection.expire(now)
            if self.connection.state is State.CLOSED:
                self._on_lost(self.connection.error, now)
        if now < self._next_tick:
            return
        self._next_tick = now + TICK_SECONDS
        timed = [*self._timed, *([] if self._cbs is None else [self._cbs])]
        call_each(partial(one.expire, now) for one in timed)
        if self._was_open:
            self._look_after_links(now)
            if now >= self._opened_at + _STEADY_SECONDS:
                self._be_steady(now)
        if self.connection is not None and self.connection.state is State.CLOSED:
            self._on_lost(self.connection.error, now)

    def _look_after_links(self, now: float) -> None:
        """Renew what authorizations are to be renewed; attach what is not attached.

        An authorization that nobody needs any more (for the replies to a client that has gone) is
        forgotten instead.
        """
        for entity, claim in list(self._claims.items()):
            if claim.is_asked or (claim.is_good and now < claim.refresh_at):
                continue
            if not self._is_used(entity):
                del self._claims[entity]
            elif claim.is_good:
                self._ask_for_token(entity, claim)
        for link in [*self._cbs_links, *self._links]:
            self._advance(link, now)

    def _be_steady(self, now: float) -> None:
        """The connection holds: what went wrong before is over."""
        links = [link for link in self._links if link.entity is not None and link.is_attached]
        if links and self.is_outage_told:
            self.is_outage_told = False
            self.on_recovery()
        for link in links:
            if link.attached_at is not None and now >= link.attached_at + _STEADY_SECONDS:
                link.attempts = 0

    # -- authorization ---------------------------------------------------------------------------

    def put_token(self, entity: str, token: str, expires_at: float, now: float) -> None:
        """Present a token for an entity; `expires_at` is seconds since 1970."""
        if self._cbs is None:
            return
        request = token_request(self.audience(entity), token, expires_at)
        refresh_at = now + max(1.0, 0.8 * (expires_at - self.wall(now)))
        connection = self.connection
        self._cbs.ask(
            request,
            now,
            lambda answer: self._on_token(connection, entity, answer, refresh_at, now),
        )

    def token_failed(self, entity: str, error: AmqpError, now: float) -> None:
        """There is no token to be had."""
        self._on_token(self.connection, entity, Answer(error=error), now, now)

    def audience(self, entity: str) -> str:
        """What a token for an entity is signed for."""
        return f"sb://{self.host}/{entity}"

    def _ask_for_token(self, entity: str, claim: Claim) -> None:
        claim.is_asked = True
        self.token_wanted.append(entity)

    def _on_token(
        self,
        connection: Connection | None,
        entity: str,
        answer: Answer,
        refresh_at: float,
        now: float,
    ) -> None:
        if connection is not self.connection or connection is None:
            return
        claim = self._claims.setdefault(entity, Claim())
        claim.is_asked = False
        if answer.error is None:
            claim.is_good, claim.refresh_at, claim.attempts = True, refresh_at, 0
            for link in list(self._links):
                if link.entity == entity:
                    self._advance(link, now)
            return
        if claim.is_good:  # the old one may serve a little longer
            claim.refresh_at = now + LONGEST_DELAY
            return
        if answer.error.condition not in PERMANENT:  # nobody has said no: ask again
            claim.retry_at = self._retry_at(answer.error, claim.attempts, now)
            claim.attempts += 1
            return
        for link in list(self._links):
            if link.entity == entity:
                link.down(answer.error, now)

    # -- inside ----------------------------------------------------------------------------------

    def _on_open(self, now: float) -> None:
        self._was_open = True
        self._opened_at = now
        self.connections += 1
        self._claims.clear()
        self._cbs = Requests(None, "$cbs", status="status-code")
        for link in self._cbs_links:
            link.supervisor = self
        for link in [*self._cbs_links, *self._links]:
            self._advance(link, now)

    def _is_used(self, entity: str) -> bool:
        """Whether a link needs the authorization for an entity."""
        return any(link.entity == entity for link in self._links)

    @property
    def _cbs_links(self) -> tuple[Link, ...]:
        return () if self._cbs is None else self._cbs.links

    def _on_lost(self, error: AmqpError | None, now: float) -> None:
        """Come back: at once when it has worked for a while, else with patience."""
        if self.connection is not None:
            self._farewell = self.connection.take_output()
        self.connection = None
        self._cbs = None
        self._claims.clear()
        self.token_wanted.clear()
        was_open, self._was_open = self._was_open, False
        if was_open and now >= self._opened_at + _STEADY_SECONDS:
            self._failures = 0
        elif not was_open:
            self._failures = max(1, self._failures)
        self.trouble = error.description if error is not None else ""
        if self._links:
            self.connect_at = now + delay_seconds(self._failures, self._chance())
        if self._failures >= (_FLAPS if was_open else 1) and not self.is_outage_told:
            self.is_outage_told = True
            self.on_outage(error or AmqpError(CONNECTION_LOST))
        self._failures += 1

    def _advance(self, link: Link, now: float) -> None:
        """Bring a link one step nearer to being attached, if it is time for that."""
        connection = self.connection
        if connection is None or connection.state is not State.OPEN:
            return
        if link.is_attached:
            return
        if link.handle is not None:
            if now >= link.retry_at:
                connection.lose(AmqpError(CONNECTION_LOST, "the peer leaves a link waiting"), now)
            return
        if now < link.retry_at:
            return
        if link.entity is not None:
            claim = self._claims.setdefault(link.entity, Claim())
            if not claim.is_good:
                if not claim.is_asked and now >= claim.retry_at:
                    self._ask_for_token(link.entity, claim)
                return
        link.retry_at = now + _ATTACH_SECONDS
        try:
            connection.attach(link)
        except AmqpError as error:
            link.down(error, now)

    def link_attached(self, link: Link) -> None:
        """The namespace works."""
        if link.entity is not None:
            self.trouble = ""

    def link_down(self, link: Link, error: AmqpError, now: float) -> None:
        """Try again, at once the first time; a lost connection is no fault of its links."""
        if link not in self._links and link not in self._cbs_links:
            return
        if error.condition in _UNAUTHORIZED and link.entity is not None:
            self._claims.pop(link.entity, None)  # what was proved is proved no more
        if self.connection is None or self.connection.state is State.CLOSED:
            link.retry_at = now
            return
        link.retry_at = self._retry_at(error, link.attempts, now)
        link.attempts += 1

    def _retry_at(self, error: AmqpError, attempts: int, now: float) -> float:
        """When to try again; a tick comes then."""
        seconds = wait_seconds(error, attempts, self._chance())
        self._next_tick = min(self._next_tick, now + seconds)
        return now + seconds
