"""Real containers, on images that stand in for the official ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import engine
from harness.containers import BASE_IMAGE
from harness.environment import ROOT, container_settings

HERE = Path(__file__).parent
STAND_INS = HERE / "stand_ins"
SQL_STAND_IN = "localhost/stand-in-sqlserver:latest"
EMULATOR_STAND_IN = "localhost/stand-in-emulator:latest"

Labelled = Callable[[str], list[str]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("stack") == "containers":
        return
    reason = 'needs a container engine: nox -s "integration(containers)"'
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.skip(reason))


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    client = engine.connect()
    yield client
    client.close()


@pytest.fixture(scope="session")
def stand_ins(client: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Build the images that stand in for SQL Server and the official emulator."""
    folder = tmp_path_factory.mktemp("images")
    shutil.copytree(STAND_INS, folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "servicebus_emulator", folder / "servicebus_emulator")
    base = container_settings().get("BASE_IMAGE", BASE_IMAGE)
    parts = ["servicebus_emulator", "emulator.py"]
    engine.build(client, folder, parts, "emulator.Dockerfile", EMULATOR_STAND_IN, base)
    engine.build(client, folder, ["sqlcmd"], "sqlserver.Dockerfile", SQL_STAND_IN, base)


@pytest.fixture
def labelled(client: Any) -> Labelled:
    """The ids of all containers and networks that carry a label."""

    def find(label: str) -> list[str]:
        filters = {"label": label}
        # Sparse: else each is asked for once more, and may have gone since.
        found = client.containers.list(all=True, filters=filters, sparse=True)
        return [part.id for part in [*found, *client.networks.list(filters=filters)]]

    return find
