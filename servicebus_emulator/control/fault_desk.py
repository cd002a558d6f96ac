"""Where faults are handed in, and put to work on a container and its wires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.control import at_once
from servicebus_emulator.control.breakage import error_of, status_of
from servicebus_emulator.control.faults import Act, Faults
from servicebus_emulator.control.interception import Interception
from servicebus_emulator.control.wire_faults import WireFaults

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.control.faults import Fault, Injected
    from servicebus_emulator.nodes.container import Container


class FaultDesk:
    """The faults of one emulator.

    Args:
        container: Whose clients suffer.
        namespace: Its entities.
        new_chance: Makes a source of random numbers from 0 to 1 out of a seed, a new one for None.

    Attributes:
        wire: What happens to bytes on their way.
    """

    def __init__(
        self,
        container: Container,
        namespace: Namespace,
        new_chance: Callable[[int | None], Callable[[], float]],
    ) -> None:
        self._container = container
        self._namespace = namespace
        self._faults = Faults(new_chance)
        self.wire = WireFaults(self._faults)
        self._interception = Interception(self._faults, namespace)
        container.set_watch(self._interception)

    def add(self, fault: Fault, now: float) -> Injected:
        """Put a fault to work; one for `now` happens before this returns."""
        injected = self._faults.add(fault)
        if fault.operation == "now":
            hit = at_once.strike(injected, self._container.peers, self._namespace, now)
            for peer in hit:
                self._container.touch(peer)
        return injected

    def refusal(self, method: str, path: str) -> tuple[int, str] | None:
        """What a request to the management API is refused with: a status and a text.

        None when no fault happens to it.
        """
        injected = self._faults.strike(Act("manage", "", path, name=method))
        if injected is None:
            return None
        error = error_of(injected.fault)
        return status_of(error), error.description

    def get(self, fault_id: int) -> Injected | None:
        """The fault of that number."""
        return self._faults.get(fault_id)

    def all(self) -> list[Injected]:
        """All faults, in the order in which they were added."""
        return self._faults.all()

    def remove(self, fault_id: int) -> bool:
        """Mend a fault; whether there was one of that number."""
        return self._faults.remove(fault_id)

    def clear(self) -> None:
        """Mend all; what was put off still happens."""
        self._faults.clear()

    def reset(self) -> None:
        """Mend all, and forget what was put off."""
        self._faults.clear()
        self._interception.clear()
