"""The contenders: our transport, stock kombu's, and Celery on other brokers that are at hand.

Servers of others are started here, on free loopback ports and in a temporary folder, when their
program is on the path; nothing that already runs on the machine is used.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.figures import OURS
from harness.processes import ManagedProcess
from harness.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack
    from pathlib import Path

    from harness.endpoints import Endpoints

STOCK = "stock kombu"
REDIS = "Celery+Redis"
RABBITMQ = "Celery+RabbitMQ"
ARQ = "arq"
FLOOR = "floor"


@dataclass(frozen=True, slots=True)
class Broker:
    """How Celery reaches a broker.

    Attributes:
        name: What the table calls it.
        settings: Of the Celery app.
        port: Where it listens.
    """

    name: str
    settings: dict[str, Any]
    port: int
    serializer: str = "json"

    def as_argument(self) -> str:
        """For the command line of a child."""
        return json.dumps(asdict(self))

    @classmethod
    def from_argument(cls, text: str) -> Broker:
        """What `as_argument` wrote."""
        return cls(**json.loads(text))


@dataclass(slots=True)
class Brokers:
    """Those that can be measured on this machine, and why others can't be."""

    found: list[Broker] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def named(self, *names: str) -> list[Broker]:
        """Those of these names that are there, in this order."""
        return [broker for name in names for broker in self.found if broker.name == name]


def service_bus(endpoints: Endpoints) -> list[Broker]:
    """Our transport and stock kombu's, both on the same emulator."""
    port = int(endpoints.namespace.rpartition(":")[2])
    ours = {
        "broker_url": (
            f"azureservicebus://{endpoints.key_name}:{endpoints.key}@{endpoints.namespace}"
        ),
        "broker_transport": "celery_azure.transport:Transport",
        "worker_pool": "celery_azure.prefork:TaskPool",  # what `--pool=prefork` means then
    }
    stock = {
        "broker_url": "azureservicebus://emulator",
        "broker_transport": "benchmarks.stock_transport:Transport",
        "broker_transport_options": {"connection_string": endpoints.service_bus_connection_string},
    }
    return [Broker(OURS, ours, port), Broker(STOCK, stock, port)]


def find(
    endpoints: Endpoints, cleanup: ExitStack, folder: Path, say: Callable[[str], None]
) -> Brokers:
    """Start what the machine has beside the emulator.

    Args:
        endpoints: Of the emulator.
        cleanup: Ends what is started.
        folder: For files of the servers.
        say: Tells the person who waits.
    """
    brokers = Brokers(service_bus(endpoints))
    starters = {
        REDIS: ("redis-server", "redis", redis),
        RABBITMQ: ("rabbitmq-server", "amqp", rabbitmq),
    }
    for name, (program, package, start) in starters.items():
        executable = shutil.which(program)
        if executable is None:
            brokers.left_out[name] = f"left out: no {program} on the path"
        elif importlib.util.find_spec(package) is None:
            brokers.left_out[name] = f"left out: the package {package} is not installed"
        else:
            say(f"Starting {program}")
            try:
                brokers.found.append(start(executable, cleanup, folder))
            except (RuntimeError, TimeoutError, OSError) as error:
                brokers.left_out[name] = f"left out: {program} did not start"
                say(f"{program} did not start: {error}")
    if REDIS in brokers.left_out:
        brokers.left_out[ARQ] = brokers.left_out[REDIS]
    elif importlib.util.find_spec("arq") is None:
        brokers.left_out[ARQ] = "left out: the package arq is not installed"
    return brokers


def redis(executable: str, cleanup: ExitStack, folder: Path) -> Broker:
    """Start Redis, in memory only, as Celery's and arq's users mostly run it for tests."""
    port = free_port()
    command = [executable, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--appendonly", "no", "--dir", str(folder)]
    process = cleanup.enter_context(ManagedProcess("redis", command))
    process.wait_for_line("Ready to accept connections")
    url = f"redis://127.0.0.1:{port}/0"
    return Broker(REDIS, {"broker_url": url, "result_backend": url}, port)


def rabbitmq(
    executable: str, cleanup: ExitStack, folder: Path, plugins: Sequence[str] = ()
) -> Broker:
    """Start RabbitMQ with a node and files of its own; publishing waits for its confirm."""
    port, distribution, registry = free_port(), free_port(), free_port()
    place = folder / "rabbitmq"
    place.mkdir()
    (place / "enabled_plugins").write_text(f"[{','.join(plugins)}].")
    settings = {
        "HOME": str(place),
        "RABBITMQ_NODENAME": f"bench{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(place),
        "RABBITMQ_LOG_BASE": str(place),
        "RABBITMQ_PID_FILE": str(place / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "enabled_plugins"),
        "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq"),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(registry),
    }
    cleanup.callback(_end_registry, registry)
    # The wrapper on Debian's path changes to another user, who may not write here.
    packaged = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    program = shutil.which(packaged) or executable
    process = cleanup.enter_context(ManagedProcess("rabbitmq", [program], settings=settings))

    def accepts() -> bool:
        if process.exit_code is not None:
            raise RuntimeError(f"it ended with exit code {process.exit_code}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(accepts, "RabbitMQ to listen", timeout=60, interval=0.2)
    options = {"confirm_publish": True}
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    settings_ = {"broker_url": url, "broker_transport_options": options}
    return Broker(RABBITMQ, settings_, port)


def _end_registry(port: int) -> None:
    """End the daemon that Erlang has started to find nodes by name; it outlives them."""
    epmd = shutil.which("epmd")
    if epmd is not None:
        command = [epmd, "-port", str(port), "-kill"]
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - from the path


def free_port() -> int:
    """A port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
