from __future__ import annotations

from typing import Any

import pytest

from celery_azure.amqp.codec import CodecError
from celery_azure.amqp.composites import ANYTHING, FLAG, TEXT, UINT, Catalogue, Composite

PERSON = Composite(
    1, "test:person:list", {"name": TEXT, "age": UINT, "is-tall": FLAG, "notes": ANYTHING}, ["name"]
)
CATALOGUE = Catalogue({1: "test:person:list", 2: "test:dog:list"})


@pytest.mark.parametrize(
    "fields", [["Ann"], ["Ann", 0, True, object()], ["Ann", None, False], ["Ann", *[None] * 9]]
)
def test_fields_that_hold_what_they_may_are_given_back(fields: list[Any]) -> None:
    assert PERSON.check(fields) is fields


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "test:person:list is no list"),
        ([], "test:person:list without name"),
        ([None, 3], "test:person:list without name"),
        ([3], "test:person:list with a wrong name"),
        (["Ann", -1], "test:person:list with a wrong age"),
        (["Ann", 2**32], "test:person:list with a wrong age"),
        (["Ann", True], "test:person:list with a wrong age"),
        (["Ann", 3, 1], "test:person:list with a wrong is-tall"),
    ],
)
def test_other_fields_are_refused_with_their_name(fields: Any, complaint: str) -> None:
    with pytest.raises(CodecError, match=complaint):
        PERSON.check(fields)


def test_a_descriptor_is_a_number_or_a_symbol() -> None:
    assert CATALOGUE.code(2) == CATALOGUE.code("test:dog:list") == 2


@pytest.mark.parametrize("descriptor", [3, "cat", None, True, 1.0, [1], b"1", {}])
def test_an_unknown_descriptor_is_refused(descriptor: Any) -> None:
    with pytest.raises(CodecError, match="unknown descriptor"):
        CATALOGUE.code(descriptor)
