"""What each part imports comes with the core, or with an extra that is the part's own."""

import ast
import re
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

Missing = Callable[[str, list[str]], set[str]]

ROOT = Path(__file__).parents[2]
OURS = {"queue_app", "celery_azure", "servicebus_emulator", "harness"}
PARTS = {
    "celery_azure": ["otel"],
    "servicebus_emulator": ["emulator-tls"],
    "harness": ["containers"],
    "queue_app/client": ["client"],
    "queue_app/__main__.py": ["client"],
    "queue_app": ["service", "client", "otel"],
    "main.py": ["service"],
}


@pytest.fixture(scope="module")
def locked() -> dict[str, Any]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    return {package["name"]: package for package in packages}


@pytest.fixture(scope="module")
def owners() -> dict[str, set[str]]:
    """Which distributions a package of others is from, by their normal names."""
    return {
        package: {re.sub(r"[-_.]+", "-", name).lower() for name in names}
        for package, names in packages_distributions().items()
    }


@pytest.fixture(scope="module")
def missing(locked: dict[str, Any], owners: dict[str, set[str]]) -> Missing:
    def find(part: str, extras: list[str]) -> set[str]:
        there = brought_by(locked, extras) | {"pytest"}  # pytest, which loads the plugins
        return {package for package in imported_by(part) if not owners[package] & there}

    return find


def brought_by(locked: dict[str, Any], extras: list[str]) -> set[str]:
    """The distributions that an installation with these extras has, by their normal names."""
    found: set[str] = set()
    waiting = [("queue-processing-api", extras)]
    while waiting:
        name, with_extras = waiting.pop()
        found.add(name)
        wanted = [*locked[name].get("dependencies", ())]
        for extra in with_extras:
            wanted += locked[name]["optional-dependencies"][extra]
        waiting += [
            (dependency["name"], dependency.get("extra", []))
            for dependency in wanted
            if dependency["name"] not in found
        ]
    return found


def imported_by(part: str) -> set[str]:
    """The packages of others that a part names in any import, also in those of functions."""
    path = ROOT / part
    names: set[str] = set()
    for file in [path] if path.is_file() else path.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OURS


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_what_the_core_and_its_own_extras_bring(part: str, missing: Missing) -> None:
    assert missing(part, PARTS[part]) == set()


def test_what_only_the_service_needs_comes_with_nothing_else(missing: Missing) -> None:
    web = {"fastapi", "prometheus_client", "starlette", "uvicorn"}
    others = [extra for part in PARTS.values() for extra in part if extra != "service"]

    assert missing("queue_app", others) == web
    assert missing("queue_app", []) > web | {"httpx", "pydantic", "pydantic_settings"}
