"""What a stack is: the services that the product needs, running somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from harness.endpoints import Endpoints


class Stack(Protocol):
    """Services that run from construction until `stop`."""

    @property
    def endpoints(self) -> Endpoints:
        """Where they are."""

    def describe(self) -> str:
        """One line for the header of a test run: which services, which versions."""

    def stop(self) -> None:
        """End them and whatever they have left."""
