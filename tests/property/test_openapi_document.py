"""Schemathesis reads the OpenAPI document and tries what it allows, and what it does not.

As a library, without its pytest plugin: see `addopts` in pyproject.toml.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis import APIOperation, GenerationMode
from schemathesis.checks import positive_data_acceptance

from queue_app.api.application import create_app
from queue_app.producer import InMemoryProducer
from queue_app.settings import Settings
from tests.property.test_api import SETTINGS

WAITING = {"wait", "follow"}
"""Parameters that make an answer take as long as the client likes."""

APP = create_app(Settings.model_validate(SETTINGS), InMemoryProducer())


def unwrapped(result: Any) -> APIOperation[Any, Any, Any, Any]:
    operation: APIOperation[Any, Any, Any, Any] = result.ok()
    return operation


SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APP)
OPERATIONS = {
    operation.label: operation
    for operation in map(unwrapped, SCHEMA.get_all_operations())
    if not operation.path.endswith("/events")  # a stream, which ends when its task does
}


WITH_INPUT = [label for label, op in OPERATIONS.items() if op.body or any(op.iter_parameters())]
BEYOND_SCHEMAS = "POST /enqueue"
"""What these operations refuse no schema can tell (parameters that exclude each other, a key that
was used with another body); tests/property/test_api.py is about that."""


def check(label: str, mode: GenerationMode) -> None:
    excluded = [positive_data_acceptance] if label.startswith(BEYOND_SCHEMAS) else []

    @settings(max_examples=max(1, settings().max_examples // 10))
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def answers_as_documented(case: Any) -> None:
        case.query = {k: v for k, v in (case.query or {}).items() if k not in WAITING}
        case.call_and_validate(excluded_checks=excluded)

    answers_as_documented()


@pytest.mark.parametrize("label", OPERATIONS)
def test_what_the_document_allows_is_answered_as_it_says(label: str) -> None:
    check(label, GenerationMode.POSITIVE)


@pytest.mark.parametrize("label", WITH_INPUT)
def test_what_the_document_forbids_is_refused_as_it_says(label: str) -> None:
    check(label, GenerationMode.NEGATIVE)
