"""The container engine of this machine: found, or missed in milliseconds; and its images."""

from __future__ import annotations

import io
import tarfile
import time
from typing import TYPE_CHECKING, Any

from harness.stack import StackUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_REPORT_SECONDS = 3.0
_MEGABYTE = 1_000_000


def connect() -> Any:
    """Give a client (`docker.DockerClient`) of the engine that testcontainers would use.

    Raises:
        StackUnavailableError: None answers, or testcontainers is not installed.
    """
    try:
        from docker.errors import DockerException  # noqa: PLC0415 - loaded by who wants containers
        from testcontainers.core.docker_client import DockerClient  # noqa: PLC0415
    except ImportError as error:
        raise StackUnavailableError(
            f"the package {error.name} is not installed: pip install 'testcontainers>=4.15'"
        ) from None
    try:
        client = DockerClient().client
        client.ping()
    except (DockerException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StackUnavailableError(
            f"no container engine answers (DOCKER_HOST or the default socket): {reason}"
        ) from None
    return client


def describe(client: Any) -> str:
    """Name and version of the engine."""
    version = client.version()
    names = [part.get("Name", "") for part in version.get("Components", [])]
    name = next((name for name in names if name.endswith("Engine")), "Docker")
    return f"{name} {version.get('Version', '')}".strip()


def pull_missing(client: Any, images: Iterable[str], say: Callable[[str], None]) -> None:
    """Pull the images that are not here, and tell how far it is.

    Raises:
        StackUnavailableError: One cannot be pulled.
    """
    from docker.errors import APIError, ImageNotFound  # noqa: PLC0415

    for image in images:
        try:
            client.images.get(image)
        except ImageNotFound:
            say(f"Pulling {image} (once)")
            try:
                _pull(client, image, say)
            except APIError as error:
                raise StackUnavailableError(
                    f"the image {image} cannot be pulled: {error.explanation or error}"
                ) from None


def build(
    client: Any, root: Path, names: Sequence[str], dockerfile: str, tag: str, base_image: str
) -> None:
    """Build an image.

    Args:
        client: Of the engine.
        root: Where `names` are, and `dockerfile`.
        names: Files and folders that the image is made of.
        dockerfile: Relative to `root`.
        tag: What the image is called.
        base_image: The build argument `BASE_IMAGE`.

    Raises:
        StackUnavailableError: It cannot be built.
    """
    from docker.errors import APIError, BuildError  # noqa: PLC0415

    try:
        client.images.build(
            fileobj=_context(root, [dockerfile, *names]),
            custom_context=True,
            dockerfile=dockerfile,
            tag=tag,
            buildargs={"BASE_IMAGE": base_image},
            rm=True,
        )
    except (APIError, BuildError) as error:
        reason = " ".join(str(error).split())
        raise StackUnavailableError(f"the image {tag} cannot be built: {reason}") from None


class PullProgress:
    """Adds up the layers of a pull, as the engine tells of them."""

    def __init__(self) -> None:
        self._layers: dict[str, tuple[int, int]] = {}

    def take(self, event: dict[str, Any]) -> None:
        """Take one event of the engine."""
        detail = event.get("progressDetail") or {}
        if event.get("status") == "Downloading" and "id" in event:
            self._layers[event["id"]] = (detail.get("current", 0), detail.get("total", 0))
        elif event.get("status") in {"Download complete", "Pull complete"} and "id" in event:
            total = self._layers.get(event["id"], (0, 0))[1]
            self._layers[event["id"]] = (total, total)

    def __str__(self) -> str:
        """How far it is."""
        current = sum(layer[0] for layer in self._layers.values())
        total = sum(layer[1] for layer in self._layers.values())
        return f"{current / _MEGABYTE:.0f} of {total / _MEGABYTE:.0f} MB"


def _context(root: Path, names: Sequence[str]) -> io.BytesIO:
    """Pack what an image is made of; the same files always give the same bytes."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if "__pycache__" in member.name:
            return None
        member.mtime = member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in names:
            archive.add(root / name, arcname=name, filter=plain)
    packed.seek(0)
    return packed


def _pull(client: Any, image: str, say: Callable[[str], None]) -> None:
    from docker.errors import APIError  # noqa: PLC0415

    progress = PullProgress()
    reported = time.monotonic()
    for event in client.api.pull(*_repository_and_tag(image), stream=True, decode=True):
        if "error" in event:
            raise APIError(event["error"])
        progress.take(event)
        if time.monotonic() - reported >= _REPORT_SECONDS:
            reported = time.monotonic()
            say(f"  {image}: {progress}")


def _repository_and_tag(image: str) -> tuple[str, str | None]:
    if "@" in image:
        return image, None
    head, colon, tag = image.rpartition(":")
    if not colon or "/" in tag:  # that was the port of a registry
        return image, "latest"
    return head, tag
