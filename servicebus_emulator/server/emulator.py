"""The emulator as a whole: a namespace behind one port, as an async context manager."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from servicebus_emulator.amqp import errors
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.broker.entities import QueueDescription, TopicDescription
from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.broker.limits import limits_of
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.clock import OffsetClock, SystemClock
from servicebus_emulator.nodes.container import Container
from servicebus_emulator.nodes.sas import ROOT_KEY, KeyRing
from servicebus_emulator.server.amqp_door import AmqpDoor
from servicebus_emulator.server.blueprint import Blueprint
from servicebus_emulator.server.connection_string import connection_string
from servicebus_emulator.server.control import Control
from servicebus_emulator.server.engine import Engine
from servicebus_emulator.server.identities import new_id
from servicebus_emulator.server.listener import Listener

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable, Iterable
    from os import PathLike
    from pathlib import Path
    from types import TracebackType

    from servicebus_emulator.broker.access import AccessKey
    from servicebus_emulator.broker.limits import Limits
    from servicebus_emulator.clock import Clock
    from servicebus_emulator.nodes.idleness import IdleLimits
    from servicebus_emulator.server.certificate import Certificate
    from servicebus_emulator.server.data_file import Durability
    from servicebus_emulator.server.http_answers import HttpAnswers
    from servicebus_emulator.server.saving import Saving

LOGGER = logging.getLogger("servicebus_emulator")
_GOODBYE_SECONDS = 0.3


class EmulatorOptions(TypedDict, total=False):
    """How an emulator is set up.

    Attributes:
        host: Address to listen on, default 127.0.0.1.
        port: Port to listen on; 0, the default, takes a free one.
        queues: Names of queues to create, with Service Bus' default properties unless `config`
            says otherwise.
        config: The text of a `Config.json` as the official emulator reads it.
        clock: The broker's time, default an `OffsetClock`: the system's, until somebody moves it.
        trace: Is told each frame as a line of text, secrets left out.
        data_dir: A folder for a file in which everything outlives the emulator; default none.
        durability: What an acknowledged message outlives, only with `data_dir`: `process`, the
            default, the end of the process however it comes; `machine`, a power failure, too.
        profile: The quotas: one of `official`, `standard`, `premium` and `unlimited`, or limits of
            your own; default the sizes of the Standard tier and no other limits.
        idle_limits: When idle links and connections are ended, as the cloud does; default never.
        keys: The namespace's access keys, default the official emulator's.
    """

    host: str
    port: int
    queues: Iterable[str]
    config: str
    clock: Clock
    keys: Iterable[AccessKey]
    idle_limits: IdleLimits
    data_dir: str | PathLike[str] | None
    durability: Durability | None
    profile: str | Limits | None
    trace: Callable[[str], None]


class ServiceBusEmulator:
    """A Service Bus namespace on one port: AMQP and HTTP, each plain or over TLS.

        async with ServiceBusEmulator(queues=["orders"]) as emulator:
            client = ServiceBusClient.from_connection_string(emulator.connection_string)

    Everything is kept in memory and gone when it stops, unless there is a `data_dir`.

    Attributes:
        namespace: The entities.
        control: Moves the clock, lets faults happen, shows what there is, and resets it.

    Raises:
        ValueError: An option or the configuration is wrong.
    """

    def __init__(self, **options: Unpack[EmulatorOptions]) -> None:
        self._host = options.get("host", "127.0.0.1")
        self._wanted_port = options.get("port", 0)
        self._clock = options.get("clock") or OffsetClock()
        self._trace = options.get("trace")
        self._blueprint = Blueprint()
        self._saving: Saving | None = None
        self.namespace = self._make_namespace(options)
        keys = tuple(options.get("keys", (ROOT_KEY,)))
        self._keys = KeyRing(keys, self.namespace)
        self._blueprint.access_keys |= {key.name: key for key in keys}
        self._certificate: Certificate | None = None
        self._tls_context: ssl.SSLContext | None = None
        self._tls_is_off = False
        self._engine: Engine | None = None
        self._container = Container(
            self.namespace,
            self._keys,
            f"emulator-{uuid.uuid4().hex}",
            new_id,
            options.get("idle_limits"),
        )
        self.control = Control(
            self._container, self.namespace, self._blueprint, self._clock, lambda: self._engine
        )
        self._http: HttpAnswers | None = None
        self._listener = Listener(self)

    @property
    def clock(self) -> Clock:
        """The broker's time."""
        return self._clock

    @property
    def port(self) -> int:
        """The port that is really open."""
        return self._listener.port

    @property
    def connection_string(self) -> str:
        """Ready to paste into any Service Bus SDK."""
        return connection_string(self._host, self.port, self._keys.first)

    async def start(self) -> Self:
        """Open the port; returns when clients are accepted.

        With a `data_dir` it can be started once.

        Raises:
            OSError: The port is taken, or the host is none of ours, or nothing can be saved.
        """
        self._engine = Engine(self._container, self._clock)
        if self._saving is not None:
            self._engine.save = self._saving.save
        if self._trace is not None:
            from servicebus_emulator.control.trace import Trace  # noqa: PLC0415 (rarely wanted)

            self._engine.wire = Trace(self._trace)
        try:
            self._save()
            await self._listener.open(self._host, self._wanted_port)
        except OSError:
            self._engine.stop()
            self._close_file()
            raise
        self._engine.expire()  # what has become due while it was not running
        return self

    async def stop(self) -> None:
        """Say goodbye to all clients and close; messages are gone, or saved."""
        if self._engine is not None:
            await self._listener.stop_accepting()
            self._container.close(AmqpError(errors.CONNECTION_FORCED, "The emulator has stopped."))
            self._engine.flush()
            await self._listener.close(_GOODBYE_SECONDS)
            self._engine.stop()
            self._engine = None
        if self._saving is not None:
            self._saving.save()
        self._close_file()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def write_certificate(self, path: Path) -> None:
        """Write the certificate that TLS clients are shown, in PEM, for them to trust.

        Raises:
            TlsUnavailableError: `cryptography` is not installed.
            OSError: The file cannot be written.
        """
        path.write_bytes(self._made_certificate().certificate)

    def tls_context(self) -> ssl.SSLContext | None:
        """The context for TLS clients, made for the first of them; None without `cryptography`."""
        from servicebus_emulator.server.certificate import (  # noqa: PLC0415 (most need no TLS)
            TlsUnavailableError,
        )

        if self._tls_context is None and not self._tls_is_off:
            try:
                self._tls_context = self._made_certificate().server_context()
            except TlsUnavailableError as unavailable:
                self._tls_is_off = True
                LOGGER.warning("A client wants TLS and was turned away. %s", unavailable)
        return self._tls_context

    def amqp_door(self) -> asyncio.Protocol:
        """A protocol for a client that speaks AMQP."""
        return AmqpDoor(self._running)

    def http_door(self) -> asyncio.Protocol:
        """A protocol for a client that speaks HTTP."""
        from servicebus_emulator.server.http_answers import HttpAnswers  # noqa: PLC0415
        from servicebus_emulator.server.http_door import HttpDoor  # noqa: PLC0415 (AMQP comes first)

        if self._http is None:
            self._http = HttpAnswers(
                self.namespace, self._keys, self._clock, self._entities_changed, self.control
            )
        return HttpDoor(self._http, self.amqp_door)

    def create_queue(self, name: str, **properties: Any) -> None:
        """Create a queue with properties as `QueueDescription` has them (durations in seconds).

        Raises:
            BrokerError: It exists, or a name or property is wrong.
        """
        self.namespace.create_queue(name, QueueDescription(**properties), now=self._clock.now())
        self._save()

    def create_topic(self, name: str, subscriptions: Iterable[str] = (), **properties: Any) -> None:
        """Create a topic with properties as `TopicDescription` has them, and subscriptions.

        Raises:
            BrokerError: It exists, or a name or property is wrong.
        """
        now = self._clock.now()
        topic = self.namespace.create_topic(name, TopicDescription(**properties), now=now)
        for subscription in subscriptions:
            topic.create_subscription(subscription, now=now)
        self._save()

    def _entities_changed(self) -> None:
        self._running.schedule_turn()
        self._save()

    def _save(self) -> None:
        if self._saving is not None and not self._saving.save():
            raise OSError("what was done cannot be saved")

    def _close_file(self) -> None:
        if self._saving is not None:
            self._saving.close()

    def _make_namespace(self, options: EmulatorOptions) -> Namespace:
        """The namespace that was saved, with the entities that the options ask for."""
        limits, now = limits_of(options.get("profile")), self._clock.now()
        journal, folder, durability = None, options.get("data_dir"), options.get("durability")
        if folder is None:
            if durability is not None:
                raise ValueError("durability: there is nothing to keep without data_dir")
        else:
            from servicebus_emulator.broker.journal import Journal  # noqa: PLC0415
            from servicebus_emulator.server.saving import Saving  # noqa: PLC0415 (rarely wanted)

            journal = Journal()
            self._saving = Saving(folder, durability or "process", journal, self._clock)
        namespace = Namespace(new_id, limits=limits, journal=journal, now=now)
        try:
            if self._saving is not None:
                self._saving.load(namespace)
            _plan(options, namespace, self._blueprint)
            self._blueprint.build(namespace, now)
        except BrokerError as error:
            self._close_file()
            raise ValueError(str(error)) from error
        except ValueError:
            self._close_file()
            raise
        return namespace

    @property
    def _running(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the emulator does not run")
        return self._engine

    def _made_certificate(self) -> Certificate:
        from servicebus_emulator.server.certificate import (  # noqa: PLC0415 (most need no TLS)
            LOCAL_NAMES,
            Certificate,
        )

        if self._certificate is None:
            now = SystemClock().now()  # clients check its validity by their own clock
            self._certificate = Certificate.make((*LOCAL_NAMES, self._host), now)
        return self._certificate


def _plan(options: EmulatorOptions, namespace: Namespace, blueprint: Blueprint) -> None:
    """Note the entities that the options ask for."""
    queues = options.get("queues", ())
    if isinstance(queues, str):  # whose letters would be names, too
        raise ValueError(f"queues is a list of names, such as [{queues!r}]")  # noqa: TRY004
    blueprint.queues |= dict.fromkeys(queues, QueueDescription())
    text = options.get("config")
    if text is not None:
        from servicebus_emulator.admin.config import parse_config  # noqa: PLC0415 (rarely wanted)

        config = parse_config(text)
        namespace.name = config.name
        blueprint.queues |= config.queues
        blueprint.topics |= config.topics
