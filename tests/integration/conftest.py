"""Which tests run on the embedded stack only."""

from pathlib import Path

import pytest

from harness.pytest_plugin import EMBEDDED_ONLY

HERE = Path(__file__).parent
CHAOS = HERE / "chaos"  # starts, stops and kills emulators of its own
CONTAINERS = HERE / "containers"  # is about containers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        needs_stack = "stack" in getattr(item, "fixturenames", ())
        if item.path.is_relative_to(CONTAINERS):
            continue
        if not needs_stack or item.path.is_relative_to(CHAOS):
            item.add_marker(EMBEDDED_ONLY)
