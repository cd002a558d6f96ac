"""The containers stack: the official emulators in containers, through testcontainers.

Settings, in the environment (docker-compose.emulators.yml reads the same):

* `ACCEPT_EULA=Y`: you accept the licences of the Service Bus emulator and of SQL Server.
* `SERVICEBUS_EMULATOR_IMAGE`, `MSSQL_IMAGE`, `AZURITE_IMAGE`: other images than the pinned ones.
* `SERVICEBUS_EMULATOR=ours`: our emulator instead, in an image built from `BASE_IMAGE`; it needs
  neither SQL Server nor a licence.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import engine
from harness.admin import HttpAdmin
from harness.container_guard import ContainerGuard
from harness.endpoints import Endpoints
from harness.entities import Entities
from harness.environment import ROOT, container_settings
from harness.stack import StackUnavailableError
from harness.stopping import Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testcontainers.core.container import DockerContainer

AZURITE_IMAGE = "mcr.microsoft.com/azure-storage/azurite:3.37.0"
OUR_IMAGE = "localhost/servicebus-emulator:latest"
BASE_IMAGE = "docker.io/library/python:3.13-slim"

CONFIG = Path(__file__).parent / "Config.json"
"""The queues that both emulators have at start, in the official emulator's form."""

CANARY_QUEUE = "celery"
_DOCKERFILE = "servicebus_emulator/Dockerfile"
_PARTS = ("servicebus_emulator", "harness/Config.json")


@dataclass(frozen=True, slots=True)
class Images:
    """Which images run, as the environment says.

    Attributes:
        sql: None when our own emulator runs.
        base: What our emulator's image is built from; None for the official one.
    """

    emulator: str
    azurite: str
    sql: str | None
    base: str | None

    @classmethod
    def chosen(cls, settings: Mapping[str, str]) -> Images:
        """Read the settings; see this module.

        Raises:
            StackUnavailableError: `SERVICEBUS_EMULATOR` is neither `official` nor `ours`.
        """
        from harness.servicebus_container import (  # noqa: PLC0415 - only the images' names
            EMULATOR_IMAGE,
            SQL_IMAGE,
        )

        azurite = settings.get("AZURITE_IMAGE", AZURITE_IMAGE)
        which = settings.get("SERVICEBUS_EMULATOR", "official")
        if which == "ours":
            base = settings.get("BASE_IMAGE", BASE_IMAGE)
            return cls(OUR_IMAGE, azurite, None, base)
        if which != "official":
            raise StackUnavailableError(
                f"SERVICEBUS_EMULATOR is {which!r}; 'official' or 'ours' is expected"
            )
        emulator = settings.get("SERVICEBUS_EMULATOR_IMAGE", EMULATOR_IMAGE)
        return cls(emulator, azurite, settings.get("MSSQL_IMAGE", SQL_IMAGE), None)

    @property
    def pulled(self) -> tuple[str, ...]:
        """What must be on this machine before anything is started."""
        if self.sql is None:
            return (self.azurite,)
        return (self.azurite, self.sql, self.emulator)

    def describe(self) -> str:
        """Their names, for people."""
        if self.sql is None:
            return f"our emulator on {self.base}, {self.azurite}"
        return f"{self.emulator} with {self.sql}, {self.azurite}"


def check() -> Images:
    """Find out in milliseconds whether this stack can run here.

    Raises:
        StackUnavailableError: It cannot, and why.
    """
    engine.connect().close()
    settings = container_settings()
    images = Images.chosen(settings)
    if images.sql is not None and settings.get("ACCEPT_EULA") != "Y":
        from harness.servicebus_container import EulaNotAcceptedError  # noqa: PLC0415

        raise StackUnavailableError(str(EulaNotAcceptedError()))
    return images


def describe() -> str:
    """One line for the header of a test run; starts nothing.

    Raises:
        StackUnavailableError: It cannot run here.
    """
    images = check()
    client = engine.connect()
    try:
        return f"containers: {images.describe()}; {engine.describe(client)}"
    finally:
        client.close()


class ContainersStack(Stopping):
    """Both emulators in containers; ready when it is made.

    Args:
        say: Tells the person who waits for images.

    Raises:
        StackUnavailableError: It cannot run here.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        images = check()
        client = engine.connect()
        try:
            engine.pull_missing(client, images.pulled, say)
            if images.base is not None:
                engine.build(client, ROOT, _PARTS, _DOCKERFILE, images.emulator, images.base)
        finally:
            client.close()
        self._guard = ContainerGuard()
        try:
            with ThreadPoolExecutor(2) as threads:
                azurite = threads.submit(_start_azurite, images.azurite, self._guard.labels)
                emulator = threads.submit(_start_emulator, images, self._guard.labels)
            namespace, admin_port = emulator.result()
            self.endpoints = _endpoints(namespace, admin_port, azurite.result())
        except BaseException:
            self._guard.dismiss()
            raise
        self.entities = Entities(HttpAdmin(self.endpoints))

    def stop(self) -> None:
        """Remove containers, volumes and networks."""
        self._guard.dismiss()


def _endpoints(namespace: str, admin_port: int, blobs: str) -> Endpoints:
    from harness.servicebus_container import KEY, KEY_NAME  # noqa: PLC0415

    return Endpoints(namespace, admin_port, KEY_NAME, KEY, blobs)


def _start_emulator(images: Images, labels: dict[str, str]) -> tuple[str, int]:
    """Start the emulator; `host:port` of AMQP, and the port of the management API."""
    from harness.servicebus_container import (  # noqa: PLC0415
        AMQP_PORT,
        ServiceBusEmulatorContainer,
        host_of,
    )

    config = CONFIG.read_text(encoding="utf-8")
    container: DockerContainer
    if images.sql is None:
        container = _our_container(images.emulator, config, labels).start()
        admin_port = container.get_exposed_port(AMQP_PORT)
    else:
        container = ServiceBusEmulatorContainer(
            config,
            accept_eula=True,  # as `check` has found
            image=images.emulator,
            sql_image=images.sql,
            canary_queue=CANARY_QUEUE,
            labels=labels,
        ).start()
        admin_port = container.get_http_port()
    return f"{host_of(container)}:{container.get_exposed_port(AMQP_PORT)}", admin_port


def _our_container(image: str, config: str, labels: dict[str, str]) -> DockerContainer:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415
    from testcontainers.core.wait_strategies import HttpWaitStrategy  # noqa: PLC0415

    from harness.servicebus_container import AMQP_PORT, CONFIG_PATH, publish  # noqa: PLC0415

    container = DockerContainer(image).with_kwargs(labels=labels)
    container.with_copy_into_container(config.encode(), CONFIG_PATH, mode=0o644)
    container.waiting_for(HttpWaitStrategy(AMQP_PORT, "/health").with_poll_interval(0.1))
    publish(container, AMQP_PORT)
    return container


def _start_azurite(image: str, labels: dict[str, str]) -> str:
    """Start Azurite; its connection string."""
    from testcontainers.community.azurite import AzuriteContainer  # noqa: PLC0415

    from harness.servicebus_container import host_of, publish  # noqa: PLC0415

    container = AzuriteContainer(image).with_kwargs(labels=labels)
    container.ports.clear()  # blobs only
    publish(container, container.blob_service_port)
    container.with_command(
        "azurite-blob --blobHost 0.0.0.0 --inMemoryPersistence --skipApiVersionCheck "
        "--disableTelemetry --silent"
    )
    container.start()
    text: str = container.get_connection_string()
    return text.replace("//localhost:", f"//{host_of(container)}:")
