import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.containers import AZURITE_IMAGE, BASE_IMAGE, OUR_IMAGE
from harness.servicebus_container import CONFIG_PATH, EMULATOR_IMAGE, SQL_IMAGE

FILE = Path(__file__).parents[2] / "docker-compose.emulators.yml"


def default_of(text: str) -> str:
    """What `${NAME:-default}` is when nothing is set."""
    match = re.fullmatch(r"\$\{\w+:-(.*)\}", text)
    assert match, text
    return match.group(1)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(FILE.read_text())
    services: dict[str, Any] = document["services"]
    return services


def test_it_runs_the_images_that_the_tests_run_on(services: dict[str, Any]) -> None:
    assert default_of(services["emulator"]["image"]) == EMULATOR_IMAGE
    assert default_of(services["sqlserver"]["image"]) == SQL_IMAGE
    assert default_of(services["azurite"]["image"]) == AZURITE_IMAGE
    assert default_of(services["ours"]["build"]["args"]["BASE_IMAGE"]) == BASE_IMAGE
    assert services["ours"]["image"] == OUR_IMAGE


def test_nobody_but_this_machine_reaches_a_port(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_licences_are_accepted_by_the_user_alone(services: dict[str, Any]) -> None:
    for name in ("emulator", "sqlserver"):
        assert default_of(services[name]["environment"]["ACCEPT_EULA"]) == ""


def test_the_emulator_starts_with_the_queues_of_the_harness(services: dict[str, Any]) -> None:
    (mount,) = services["emulator"]["volumes"]

    assert mount == f"./harness/Config.json:{CONFIG_PATH}:ro"


def test_every_service_but_the_one_without_a_shell_can_be_waited_for(
    services: dict[str, Any],
) -> None:
    without = {name for name, service in services.items() if "healthcheck" not in service}

    assert without == {"emulator", "ours"}  # emulator-is-ready tells; the image of ours does
