"""What a stack is: the services that the product needs, running somewhere.

Three kinds: *embedded* (our emulator and Azurite, as processes), *containers* (the official
emulators, in containers) and *azure* (a real namespace and storage account).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from harness.endpoints import Endpoints
    from harness.entities import Entities

STACKS = ("embedded", "containers", "azure")


class StackUnavailableError(RuntimeError):
    """A stack cannot run here; the text says why in one line."""


class Stack(Protocol):
    """Services that run from construction until `stop`."""

    @property
    def endpoints(self) -> Endpoints:
        """Where they are."""

    @property
    def entities(self) -> Entities:
        """Queues and containers on them, for tests."""

    def stop(self) -> None:
        """End them and whatever they have left."""

    def __enter__(self) -> Self:
        """Use it as a context manager."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""


def describe_stack(name: str) -> str:
    """One line for the header of a test run: which services, which versions; starts nothing.

    Raises:
        StackUnavailableError: It cannot run here.
    """
    if name == "azure":
        from harness import azure  # noqa: PLC0415 - each kind is loaded by those who choose it

        return azure.describe()
    if name == "containers":
        from harness import containers  # noqa: PLC0415

        return containers.describe()
    from harness import embedded  # noqa: PLC0415

    return embedded.describe()


def start_stack(name: str, say: Callable[[str], None]) -> Stack:
    """Start a stack; ready when it is given.

    Args:
        name: One of `STACKS`.
        say: Tells the person who waits.

    Raises:
        StackUnavailableError: It cannot run here.
    """
    if name == "azure":
        from harness.azure import AzureStack  # noqa: PLC0415

        return AzureStack()
    if name == "containers":
        from harness.containers import ContainersStack  # noqa: PLC0415

        return ContainersStack(say)
    from harness.embedded import EmbeddedStack  # noqa: PLC0415

    return EmbeddedStack(say)
