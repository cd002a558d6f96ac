"""A namespace, as a process uses it: one connection for all its threads, channels and producers.

The thread that drives it ends with its last user. A child process begins anew: sockets and threads
are the parent's.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from kombu.log import get_logger

from celery_azure.amqp.frames import AmqpError
from celery_azure.amqp.locks import LockKeeper
from celery_azure.amqp.receiver import Receiver
from celery_azure.amqp.requests import PERMANENT, Requests
from celery_azure.amqp.sender import TIMEOUT, Outgoing, Sender
from celery_azure.amqp.threaded import Fate, ThreadedDriver
from celery_azure.counts import LOST_EVENTS, counts
from celery_azure.dialing import address_of, new_engine, tls_of
from celery_azure.errors import error_from
from celery_azure.presence import Presence
from celery_azure.tokens import token_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.amqp.settlement import Delivery, Settlement
    from celery_azure.connection import ServiceBusEndpoint

logger = get_logger(__name__)

_NOT_FOUND = "amqp:not-found"
_FINISH_SECONDS = 1.0
_PATIENCE = 3
"""How often a link may be refused for reasons that pass before somebody is told."""


class Namespace:
    """One connection to a namespace, used by everybody in the process.

    Args:
        endpoint: Where it is, and how to sign in.
        create_queue: Creates a queue that is missing, or raises.

    Attributes:
        is_left_behind: It is the parent's of this process, and serves here no more.
    """

    _shared: ClassVar[dict[tuple[int, ServiceBusEndpoint], Namespace]] = {}
    _lock = threading.Lock()

    def __init__(
        self, endpoint: ServiceBusEndpoint, create_queue: Callable[[str], None] | None
    ) -> None:
        self.is_left_behind = False
        self._users = 0
        self._pid = os.getpid()
        self._endpoint = endpoint
        self._create_queue = create_queue
        self._creating: set[str] = set()
        self._told: set[str] = set()
        self._creators: dict[str, Callable[[], None] | None] = {}
        self._presences: dict[Receiver, Presence] = {}
        self._senders: dict[str, Sender] = {}
        self.engine = new_engine(endpoint)
        self.driver = ThreadedDriver(
            self.engine, token_source(endpoint), address_of(endpoint), tls_of(endpoint)
        )

    @classmethod
    def acquire(
        cls, endpoint: ServiceBusEndpoint, create_queue: Callable[[str], None] | None
    ) -> Namespace:
        """The namespace of this process; give it back with `release`."""
        with cls._lock:
            key = os.getpid(), endpoint
            namespace = cls._shared.get(key)
            if namespace is None:
                namespace = cls._shared[key] = cls(endpoint, create_queue)
            namespace._users += 1
            return namespace

    def release(self, timeout: float = _FINISH_SECONDS) -> None:
        """Stop using it; the last user closes the connection, and waits so long for that."""
        with self._lock:
            self._users -= 1
            if self._users or self._pid != os.getpid():
                return
            self._shared.pop((os.getpid(), self._endpoint), None)
        self.driver.close(timeout)

    def let_go(self) -> None:
        """Release it soon, in its own thread.

        For finalizers: the collector may call one in any thread, also in the middle of `acquire`.
        """
        self.driver.call(self.release, 0.0)

    # -- sending ---------------------------------------------------------------------------------

    def publish(
        self, entity: str, payload: bytes, timeout: float, connect_timeout: float = math.inf
    ) -> None:
        """Send an encoded message; returns when the broker has accepted it.

        Args:
            entity: Where to.
            payload: The message.
            timeout: Seconds to wait for the broker.
            connect_timeout: Seconds to wait for it while there is no connection.

        Raises:
            ServiceBusError: It has not, or not in time.
        """
        fate = Fate()
        outgoing = Outgoing(payload, self.driver.now() + timeout, fate.tell)
        connections = self.engine.connections
        if not self.driver.call_here(fate, self._send, entity, outgoing):
            self.driver.call(self._submit, entity, outgoing)
        if connect_timeout < timeout and not fate.wait(connect_timeout):
            timeout -= connect_timeout
            self.driver.call(self._give_up, entity, outgoing, connections)
        if not fate.wait(timeout + 1.0):
            outgoing.done = None
            raise error_from(AmqpError(TIMEOUT, "the broker has not answered in time"))
        if fate.error is not None:
            raise error_from(fate.error)

    def post(self, entity: str, payload: bytes, timeout: float) -> None:
        """Send an encoded message that is worth no waiting; what fails is lost."""

        def done(error: AmqpError | None) -> None:
            if error is not None:
                counts[LOST_EVENTS] += 1
                logger.debug("An event for %r is lost: %s", entity, error)

        self.driver.call(self._submit, entity, Outgoing(payload, self.driver.now() + timeout, done))

    def provide(self, entity: str, create: Callable[[], None] | None) -> None:
        """Say how to create an entity that is no queue, should it be missing; None: not at all.

        `create` raises when it cannot, and tells why itself.
        """
        self._creators[entity] = create

    def provide_queue(self, entity: str, create: Callable[[str], None]) -> None:
        """Say how to create a queue that is not to be like others, should it be missing."""
        self._creators[entity] = partial(self._create_missing_queue, create, entity)

    def open_sender(self, entity: str) -> None:
        """Attach the link ahead, so that the first message need not wait for it."""
        self.driver.call(self._sender, entity)

    def _send(self, entity: str, outgoing: Outgoing) -> None:
        sender = self._sender(entity)
        sender.submit(outgoing)
        sender.pump(self.driver.now())

    def _submit(self, entity: str, outgoing: Outgoing) -> None:
        sender = self._sender(entity)
        sender.submit(outgoing)
        # What other threads have handed over meanwhile travels along.
        self.driver.call(sender.pump, self.driver.now())

    def _give_up(self, entity: str, outgoing: Outgoing, connections: int) -> None:
        """Let a message fail now, unless there is a connection, or was one since it was given."""
        if not self.engine.is_open and self.engine.connections == connections:
            outgoing.due = now = self.driver.now()
            self._sender(entity).expire(now)

    def _sender(self, entity: str) -> Sender:
        sender = self._senders.get(entity)
        if sender is None:
            sender = self._senders[entity] = Sender(entity)
            link = sender
            sender.on_refusal = lambda error: self._send_refused(entity, link, error)
            now = self.driver.now()
            self.engine.watch(sender)
            self.engine.add(sender, now)
        return sender

    # -- receiving -------------------------------------------------------------------------------

    def new_receiver(
        self,
        address: str,
        *,
        entity: str,
        locks: bool,
        renew_seconds: float,
        on_message: Callable[[], None],
        on_lost: Callable[[Delivery, str], None],
        on_settled: Callable[[Delivery, Settlement, AmqpError | None], None],
        stays: bool = True,
    ) -> Receiver:
        """A link that receives; open it with `open_receiver`.

        Where the entity goes when it is not used (it does not stay), it is used from time to time.
        """
        management = None
        if locks or not stays:
            management = Requests(entity, f"{address}/$management")
        receiver = Receiver(
            self.engine, address, management=management if locks else None, on_message=on_message
        )
        receiver.entity = entity
        receiver.on_settled = on_settled
        receiver.on_refusal = lambda error: self._refused(receiver, entity, error)
        if management is not None:
            if locks and renew_seconds:
                receiver.keeper = LockKeeper(
                    self.engine, management, longest=renew_seconds, on_lost=on_lost
                )
            receiver.management = management
            if not stays:
                self._presences[receiver] = Presence(management, self.driver.now())
        return receiver

    def open_receiver(self, receiver: Receiver, limit: int) -> None:
        """Attach it and let that many messages come."""
        self.driver.call(self._open_receiver, receiver, limit)

    def _open_receiver(self, receiver: Receiver, limit: int) -> None:
        now = self.driver.now()
        receiver.set_limit(limit)
        self.engine.add(receiver, now)
        self.engine.watch(receiver)
        if receiver.management is not None:
            self.engine.add_requests(receiver.management, now)
        if receiver.keeper is not None:
            self.engine.watch(receiver.keeper)
        if receiver in self._presences:
            self.engine.watch(self._presences[receiver])

    def stop_receiver(self, receiver: Receiver) -> None:
        """Let no more messages come, and give back what nobody has taken."""
        self.driver.call(self._stop_receiver, receiver)

    def _stop_receiver(self, receiver: Receiver) -> None:
        now = self.driver.now()
        receiver.set_limit(0)
        receiver.release_buffered(now)
        # What is under way when the credit ends comes in still, and is given back as well.
        receiver.on_message = lambda: receiver.release_buffered(self.driver.now())

    def close_receiver(self, receiver: Receiver, timeout: float = _FINISH_SECONDS) -> None:
        """Detach it when the broker has confirmed what was settled; wait for that a moment."""
        closed = threading.Event()
        self.driver.call(self._stop_receiver, receiver)
        self.driver.call(self._close_when_settled, receiver, self.driver.now() + timeout, closed)
        closed.wait(timeout + 0.5)

    def _close_when_settled(self, receiver: Receiver, due: float, closed: threading.Event) -> None:
        now = self.driver.now()
        if receiver.is_settling and now < due:
            receiver.on_confirmed = lambda: self._close_when_settled(receiver, due, closed)
            return
        receiver.on_confirmed = None
        self.engine.unwatch(receiver)
        if receiver.keeper is not None:
            self.engine.unwatch(receiver.keeper)
        if (presence := self._presences.pop(receiver, None)) is not None:
            self.engine.unwatch(presence)
        self.engine.remove(receiver)
        if receiver.management is not None:
            self.engine.remove_requests(receiver.management)
        closed.set()

    def settle(self, delivery: Delivery, settlement: Settlement) -> None:
        """Decide what becomes of a delivery; the receiver's `on_settled` hears the answer.

        At once where the next message may be waited for; soon where there are some in the buffer.
        """
        call = self.driver.call_soon if delivery.receiver.buffer else self.driver.call
        call(self._settle, delivery, settlement)

    def _settle(self, delivery: Delivery, settlement: Settlement) -> None:
        receiver = delivery.receiver
        receiver.settle(delivery, settlement, self.driver.now())
        receiver.top_up()

    # -- inside ----------------------------------------------------------------------------------

    def _refused(self, receiver: Receiver, entity: str, error: AmqpError) -> None:
        """Say once why nothing comes, unless that is mended or passes by itself."""
        if self._mend(entity, error, lambda _: None):
            return
        is_lasting = error.condition in PERMANENT or receiver.attempts > _PATIENCE
        if is_lasting and not receiver.is_refusal_told:
            receiver.is_refusal_told = True
            logger.warning("Nothing can be received from %r, trying on: %s", entity, error)

    def _send_refused(self, entity: str, sender: Sender, error: AmqpError) -> bool:
        """Mend it, or let the link go; whether the former is tried.

        A queue that was there, and nobody has anything for it now, was wanted by its owner: the
        replies to a client that has ended, most of all.
        """

        def give_up(error: AmqpError) -> None:
            sender.fail_all(error)
            self._drop_sender(entity, sender)

        is_done_with = sender.is_idle and sender.epoch > 0
        if not is_done_with and self._mend(entity, error, give_up):
            return True
        self.driver.call(self._drop_sender, entity, sender)
        return False

    def _drop_sender(self, entity: str, sender: Sender) -> None:
        """Attach it no more, unless somebody needs it after all."""
        if sender.is_idle and not sender.is_attached and self._senders.get(entity) is sender:
            del self._senders[entity]
            self.engine.unwatch(sender)
            self.engine.remove(sender)

    def _mend(self, entity: str, error: AmqpError, fail: Callable[[AmqpError], None]) -> bool:
        """Create an entity that is missing, where the rights allow to; whether that is tried."""
        if error.condition != _NOT_FOUND:
            return False
        create: Callable[[], None] | None = None
        if entity in self._creators:
            create = self._creators[entity]
        elif self._create_queue is not None:
            create = partial(self._create_missing_queue, self._create_queue, entity)
        if create is None:
            return False
        if entity not in self._creating:
            self._creating.add(entity)
            self.driver.call_beside(self._create, entity, create, error, fail)
        return True

    def _create(
        self,
        entity: str,
        create: Callable[[], None],
        error: AmqpError,
        fail: Callable[[AmqpError], None],
    ) -> None:
        try:
            create()
        except Exception:  # noqa: BLE001 - whatever the admin client raises; who creates tells it
            # Who comes after those that fail now is to find that it can be tried again.
            self.driver.call(self._creating.discard, entity)
            self.driver.call(fail, error)
        else:
            self.driver.call(self._creating.discard, entity)

    def _create_missing_queue(self, create: Callable[[str], None], entity: str) -> None:
        try:
            create(entity)
        except Exception as reason:
            if entity not in self._told:
                self._told.add(entity)
                text = (str(reason).splitlines() or [type(reason).__name__])[0]
                logger.warning("Queue %r does not exist and cannot be created: %s", entity, text)
            raise


def _forget_in_child() -> None:
    shared = list(Namespace._shared.values())  # noqa: SLF001 - our own
    Namespace._shared = {}  # noqa: SLF001
    Namespace._lock = threading.Lock()  # noqa: SLF001
    for namespace in shared:
        namespace.is_left_behind = True
        namespace.driver.forget()


if sys.platform != "win32":  # where nothing forks
    os.register_at_fork(after_in_child=_forget_in_child)
