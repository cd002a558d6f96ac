"""The whole system in containers: the file must fit the image, the harness and the settings."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.containers import AZURITE_IMAGE, BASE_IMAGE, OUR_IMAGE
from queue_app.settings import Settings
from tests.unit.test_docker_compose_emulators import default_of

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services: dict[str, Any] = document["services"]
    return services


def test_api_and_worker_are_one_image(services: dict[str, Any]) -> None:
    assert services["api"]["image"] == services["worker"]["image"]
    assert services["worker"]["command"].startswith("celery -A queue_app.celery_app worker")
    assert "command" not in services["api"]  # it is the image's own


def test_it_runs_the_images_that_the_tests_run_on(services: dict[str, Any]) -> None:
    assert default_of(services["azurite"]["image"]) == AZURITE_IMAGE
    assert services["emulator"]["image"] == OUR_IMAGE
    for name in ("api", "emulator"):
        assert default_of(services[name]["build"]["args"]["BASE_IMAGE"]) == BASE_IMAGE
        dockerfile = ROOT / services[name]["build"].get("dockerfile", "Dockerfile")
        assert f"ARG BASE_IMAGE={BASE_IMAGE}\n" in dockerfile.read_text()


def test_nobody_but_this_machine_reaches_a_port(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:${API_PORT:-8001}:8001"]


def test_its_environment_is_one_of_settings(services: dict[str, Any]) -> None:
    environment = services["worker"]["environment"]
    assert {name.lower() for name in environment} <= Settings.model_fields.keys()
    texts = {
        name.lower(): default_of(text) if text.startswith("$") else text
        for name, text in environment.items()
    }
    settings = Settings.model_validate(texts)
    assert settings.service_bus_endpoint.is_emulator
    assert settings.service_bus_queue_name in (ROOT / "harness/Config.json").read_text()


def test_what_the_image_is_made_of_reaches_the_engine() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [
        line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line
    ]
    assert copied
    for name in copied:
        assert (ROOT / name).exists()
        assert {f"!{name}", f"!{name}/**"} & set(ignored)


def test_the_image_runs_as_nobody() -> None:
    *_, last = [
        line
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith(("USER", "FROM"))
    ]
    assert last == "USER 65534:65534"
