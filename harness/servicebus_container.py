"""Microsoft's Service Bus emulator with its SQL Server, for testcontainers.

It needs testcontainers and the Service Bus SDK, and nothing of this project.

Sources: https://learn.microsoft.com/azure/service-bus-messaging/test-locally-with-service-bus-emulator
and https://github.com/Azure/azure-service-bus-emulator-installer (images, variables, licence).
"""

from __future__ import annotations

import secrets
import time
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from testcontainers.core.config import ConnectionMode
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import (
    CompositeWaitStrategy,
    ExecWaitStrategy,
    HttpWaitStrategy,
    LogMessageWaitStrategy,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from azure.servicebus import ServiceBusReceivedMessage
    from testcontainers.core.waiting_utils import WaitStrategy

EMULATOR_IMAGE = "mcr.microsoft.com/azure-messaging/servicebus-emulator:2.0.1"
SQL_IMAGE = "mcr.microsoft.com/mssql/server:2022-CU14-ubuntu-22.04"

AMQP_PORT = 5672
HTTP_PORT = 5300
KEY_NAME = "RootManageSharedAccessKey"
KEY = "SAS_KEY_VALUE"
"""The emulator's documented key; it protects nothing."""

CONFIG_PATH = "/ServiceBus_Emulator/ConfigFiles/Config.json"
_UP = "Emulator Service is Successfully Up!"
_SQL_ALIAS = "mssql"
# In a shell, since the folder's name differs between images.
_SQL_ANSWERS = "/opt/mssql-tools*/bin/sqlcmd -C -U sa -P \"$MSSQL_SA_PASSWORD\" -Q 'SELECT 1'"
_EMULATOR_EULA = (
    "https://github.com/Azure/azure-service-bus-emulator-installer/blob/main/EMULATOR_EULA.txt"
)
_SQL_EULA = "https://go.microsoft.com/fwlink/?LinkId=746388"
_POLL_SECONDS = 0.2
_CANARY_SECONDS = 5.0


class EulaNotAcceptedError(RuntimeError):
    """The user has not accepted the licences of the emulator and of SQL Server."""

    def __init__(self) -> None:
        super().__init__(
            "the emulator and SQL Server run only when you accept their licences: set "
            f"ACCEPT_EULA=Y ({_EMULATOR_EULA}, {_SQL_EULA})"
        )


class ServiceBusEmulatorContainer(DockerContainer):
    """The emulator, its SQL Server and a network for the two; started means ready.

    Ready means that the log says so, `/health` says so, and, if `canary_queue` is given, that a
    message went through that queue: a healthy emulator may not take messages yet.

        with ServiceBusEmulatorContainer(config, accept_eula=True) as emulator:
            client = ServiceBusClient.from_connection_string(emulator.get_connection_string())

    Args:
        config: The content of `Config.json`, which is copied into the container.
        accept_eula: Whether the user accepts both licences.
        image: The emulator's image.
        sql_image: SQL Server's image.
        canary_queue: A queue of `config`, empty and used by nobody yet.
        startup_timeout: Seconds for each of the steps: SQL Server, the emulator, the canary.
        labels: For both containers and the network.

    Raises:
        EulaNotAcceptedError: `accept_eula` is false.
    """

    def __init__(
        self,
        config: str,
        *,
        accept_eula: bool,
        image: str = EMULATOR_IMAGE,
        sql_image: str = SQL_IMAGE,
        canary_queue: str | None = None,
        startup_timeout: int = 180,
        labels: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        if not accept_eula:
            raise EulaNotAcceptedError
        super().__init__(image, **kwargs)
        own_labels = dict(labels or {})
        password = f"Aa1-{secrets.token_hex(16)}"  # as complex as SQL Server wants
        self._canary_queue = canary_queue
        self._startup_timeout = startup_timeout
        self._cleanup = ExitStack()
        answers = ExecWaitStrategy(["bash", "-c", _SQL_ANSWERS])
        network = Network(docker_network_kw={"labels": own_labels})
        self._sql = (
            DockerContainer(sql_image)
            .with_envs(ACCEPT_EULA="Y", MSSQL_SA_PASSWORD=password)
            .with_network(network)
            .with_network_aliases(_SQL_ALIAS)
            .with_kwargs(labels=own_labels)
            .waiting_for(_patiently(answers, startup_timeout))
        )
        self.with_envs(
            ACCEPT_EULA="Y",
            SQL_SERVER=_SQL_ALIAS,
            MSSQL_SA_PASSWORD=password,
            SQL_WAIT_INTERVAL="0",  # SQL Server answers before the emulator starts
            EMULATOR_HTTP_PORT=str(HTTP_PORT),
        )
        self.with_network(network)
        self.with_kwargs(labels=own_labels)
        self.with_copy_into_container(config.encode(), CONFIG_PATH, mode=0o644)
        publish(self, AMQP_PORT, HTTP_PORT)
        is_healthy = HttpWaitStrategy(HTTP_PORT, "/health").for_status_code(200)
        is_up = CompositeWaitStrategy(LogMessageWaitStrategy(_UP), is_healthy)
        self.waiting_for(_patiently(is_up, startup_timeout))

    def start(self) -> Self:
        """Start network, SQL Server and emulator, in this order; returns when all is ready.

        Raises:
            TimeoutError: One of them was not ready in time; with its last lines.
            RuntimeError: The emulator has ended.
        """
        network = self._network
        if network is None:
            raise RuntimeError("the emulator needs the network that SQL Server is in")
        try:
            self._cleanup.enter_context(network)
            self._cleanup.callback(self._sql.stop)  # before it starts: it may fail half way
            self._sql.start()
            self._cleanup.callback(super().stop)
            super().start()
            self._send_canary()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        """Remove both containers, their volumes, and the network."""
        del force, delete_volume  # nothing here is worth keeping
        self._cleanup.close()

    def get_connection_string(self) -> str:
        """For any Service Bus SDK."""
        return (
            f"Endpoint=sb://{host_of(self)}:{self.get_exposed_port(AMQP_PORT)};"
            f"SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY};UseDevelopmentEmulator=true;"
        )

    def get_http_port(self) -> int:
        """The port of `/health` and of the management API."""
        return self.get_exposed_port(HTTP_PORT)

    def _send_canary(self) -> None:
        if self._canary_queue is not None:
            send_canary(self.get_connection_string(), self._canary_queue, self._startup_timeout)


def send_canary(connection_string: str, queue: str, timeout: float) -> None:
    """Send a message through a queue, again and again until one comes back.

    Leaves no canary in the queue that an earlier attempt may have sent.

    Raises:
        TimeoutError: None came back in time.
    """
    deadline = time.monotonic() + timeout
    canary = f"canary-{uuid.uuid4().hex}"
    while True:
        try:
            if _canary_returns(connection_string, queue, canary):
                return
            reason = "it did not come back"
        except (AzureError, OSError, ValueError) as error:
            reason = str(error)
        if time.monotonic() >= deadline:
            raise TimeoutError(f"no message goes through the queue {queue}: {reason}")


def _canary_returns(connection_string: str, queue: str, canary: str) -> bool:
    with ServiceBusClient.from_connection_string(connection_string, retry_total=0) as client:
        with client.get_queue_sender(queue) as sender:
            message = ServiceBusMessage(b"canary", subject=canary)
            sender.send_messages(message, timeout=_CANARY_SECONDS)
        has_returned = False
        with client.get_queue_receiver(queue) as receiver:
            # A long wait for the first; what an earlier attempt has sent is there at once.
            wait = _CANARY_SECONDS
            while found := receiver.receive_messages(max_message_count=10, max_wait_time=wait):
                taken = [_take(receiver, message, canary) for message in found]
                if not any(taken):
                    break
                has_returned = True
                wait = _POLL_SECONDS
        return has_returned


def _take(receiver: Any, message: ServiceBusReceivedMessage, canary: str) -> bool:
    """Complete a canary; leave what is none to others."""
    if message.subject != canary:
        receiver.abandon_message(message)
        return False
    receiver.complete_message(message)
    return True


def publish(container: DockerContainer, *ports: int) -> None:
    """Publish ports on free ports of this machine's loopback interface.

    Where the engine is elsewhere, on all of its interfaces, as testcontainers does.
    """
    mode = container.get_docker_client().get_connection_mode()
    if mode is ConnectionMode.docker_host and host_of(container) == "127.0.0.1":
        # docker-py takes an address without a port; testcontainers' types do not know of it.
        container.ports.update({str(port): ("127.0.0.1",) for port in ports})  # type: ignore[misc]
    else:
        container.with_exposed_ports(*ports)


def host_of(container: DockerContainer) -> str:
    """The address of published ports; not `localhost`, which may mean ::1, where nobody listens."""
    host = container.get_container_host_ip()
    return "127.0.0.1" if host == "localhost" else host


def _patiently(strategy: WaitStrategy, seconds: int) -> WaitStrategy:
    return strategy.with_poll_interval(_POLL_SECONDS).with_startup_timeout(seconds)
