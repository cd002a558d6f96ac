"""Schemathesis reads the OpenAPI document and tries what it allows, and what it does not.

As a library, without its pytest plugin: see `addopts` in pyproject.toml.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from queue_app.api.application import create_app
from queue_app.producer import InMemoryProducer
from queue_app.settings import Settings
from tests.property.profiles import walks
from tests.property.test_api import SETTINGS

if TYPE_CHECKING:
    from schemathesis import APIOperation

WAITING = {"wait", "follow"}
"""Parameters that make an answer take as long as the client likes."""

APP = create_app(Settings.model_validate(SETTINGS), InMemoryProducer())
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in APP.openapi()["paths"].items()
    for method, operation in methods.items()
    if not path.endswith("/events")  # a stream, which ends when its task does
}
WITH_INPUT = [
    label for label, op in OPERATIONS.items() if op.keys() & {"parameters", "requestBody"}
]
BEYOND_SCHEMAS = "POST /enqueue"
"""What these operations refuse no schema can tell (parameters that exclude each other, a key that
was used with another body); tests/property/test_api.py is about that."""


@functools.cache
def operations() -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """What Schemathesis has read, by label; loaded here, since to import it takes seconds."""
    import schemathesis  # noqa: PLC0415

    schema = schemathesis.openapi.from_asgi("/openapi.json", APP)
    results: list[Any] = list(schema.get_all_operations())
    return {operation.label: operation for operation in (result.ok() for result in results)}


def check(label: str, mode_name: str) -> None:
    from schemathesis import GenerationMode  # noqa: PLC0415
    from schemathesis.checks import positive_data_acceptance  # noqa: PLC0415

    excluded = [positive_data_acceptance] if label.startswith(BEYOND_SCHEMAS) else []
    cases = operations()[label].as_strategy(generation_mode=GenerationMode[mode_name])

    @walks(0.5)
    @given(case=cases)
    def answers_as_documented(case: Any) -> None:
        case.query = {k: v for k, v in (case.query or {}).items() if k not in WAITING}
        case.call_and_validate(excluded_checks=excluded)

    answers_as_documented()


@pytest.mark.parametrize("label", OPERATIONS)
def test_what_the_document_allows_is_answered_as_it_says(label: str) -> None:
    check(label, "POSITIVE")


@pytest.mark.parametrize("label", WITH_INPUT)
def test_what_the_document_forbids_is_refused_as_it_says(label: str) -> None:
    check(label, "NEGATIVE")
