"""The page that says what the emulator can do is true."""

import inspect
from pathlib import Path

import azure.servicebus
import azure.servicebus.management
import pytest

from servicebus_emulator.admin.operations import OPERATIONS as ATOM_OPERATIONS
from servicebus_emulator.coverage import SDK_OPERATIONS, render
from servicebus_emulator.nodes.management_operations import OPERATIONS as MANAGEMENT_OPERATIONS

PAGE = Path(__file__).parents[3] / "docs" / "emulator-coverage.md"
LIFE = {"client_identifier", "close", "from_connection_string"}  # nothing that a server serves


def test_the_page_is_what_the_registries_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "run: python -m servicebus_emulator.coverage > docs/emulator-coverage.md"
    )


@pytest.mark.parametrize("name", SDK_OPERATIONS)
def test_every_operation_of_the_sdk_is_named(name: str) -> None:
    room = azure.servicebus.management if "Administration" in name else azure.servicebus
    members = {member for member, _ in inspect.getmembers(getattr(room, name))}
    operations = {member for member in members if not member.startswith("_")} - LIFE

    assert operations == set(SDK_OPERATIONS[name])


def test_what_serves_the_sdk_is_registered() -> None:
    known = {operation.name for operation in ATOM_OPERATIONS} | set(MANAGEMENT_OPERATIONS)
    served_by = {each for methods in SDK_OPERATIONS.values() for each in methods.values()}

    assert served_by - {"a link to the entity"} <= known
