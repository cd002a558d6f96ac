"""The emulator runs with nothing but Python; what a few modules may have beside is optional."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import servicebus_emulator

ROOT = Path(servicebus_emulator.__file__).parent
OPTIONAL = {
    "server/certificate.py": {"cryptography"},
    "pytest_plugin.py": {"pytest"},
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_the_emulator_needs_nothing_but_the_standard_library() -> None:
    allowed = {*sys.stdlib_module_names, "servicebus_emulator"}
    others = {
        name: found
        for path in ROOT.rglob("*.py")
        if (name := path.relative_to(ROOT).as_posix())
        and (found := {module.partition(".")[0] for module in imported(path)} - allowed)
    }
    assert others == OPTIONAL
