from types import SimpleNamespace
from typing import Any

from docker.errors import NotFound

from harness.container_guard import LABEL, remove_all


class Parts:
    """Containers or networks of an engine, which looks at each of a list that is not sparse."""

    def __init__(self, *names: str, gone: str = "") -> None:
        self.left = list(names)
        self.asked_for: dict[str, str] = {}
        self._gone = gone

    def list(self, *, filters: dict[str, str], sparse: bool = False, **_: bool) -> list[Any]:
        self.asked_for = filters
        if self._gone and not sparse:
            raise NotFound(self._gone)
        return [SimpleNamespace(remove=self._remover(name)) for name in self.left]

    def _remover(self, name: str) -> Any:
        def remove(**_: bool) -> None:
            if name == self._gone:
                raise NotFound(name)
            self.left.remove(name)

        return remove


def test_containers_and_networks_of_the_run_are_removed() -> None:
    engine = SimpleNamespace(containers=Parts("a", "b"), networks=Parts("n"))

    remove_all(engine, "run-1")

    assert engine.containers.left == engine.networks.left == []
    assert engine.containers.asked_for == engine.networks.asked_for == {"label": f"{LABEL}=run-1"}


def test_what_is_gone_already_is_no_reason_to_stop() -> None:
    engine = SimpleNamespace(containers=Parts("a", "b", gone="a"), networks=Parts("n"))

    remove_all(engine, "run-1")

    assert engine.containers.left == ["a"]
    assert engine.networks.left == []
