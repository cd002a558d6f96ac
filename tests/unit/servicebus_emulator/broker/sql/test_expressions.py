from typing import Any
from uuid import UUID

import pytest

from servicebus_emulator.broker.facts import Facts, FilterError
from servicebus_emulator.broker.sql.expressions import truth
from servicebus_emulator.broker.sql.statements import parse_condition

SYSTEM = {"Subject": "order", "MessageId": "7"}
USER = {"colour": "red", "price": 10, "flag": True, "nothing": None}


def evaluate(text: str) -> Any:
    facts = Facts(lambda: UUID(int=1), dict(SYSTEM), dict(USER))
    return truth(parse_condition(text), facts)


@pytest.mark.parametrize(
    "text",
    [
        "colour = 'red'",
        "sys.Label = 'order' AND sys.MessageId <> '8'",
        "price + 5 * 2 = 20",
        "-price < 0",
        "+price = 10",
        "price / 3 = 3 AND price % 3 = 1",
        "colour IN ('blue', 'red')",
        "price NOT IN (1, 2)",
        "colour LIKE 'r_d'",
        "colour NOT LIKE 'b%'",
        "'50%' LIKE '50!%' ESCAPE '!'",
        "EXISTS (nothing) AND NOT EXISTS (missing)",
        "EXISTS (sys.Label) AND NOT EXISTS (sys.To)",
        "nothing IS NULL AND missing IS NULL AND colour IS NOT NULL",
        "flag = TRUE",
        "flag",
        "NOT (flag = FALSE)",
        "missing = 1 OR price = 10",
        "price = 10 OR missing = 1",
        "newid() = newid()",
        "COLOUR = 'red'",
    ],
)
def test_a_condition_is_true(text: str) -> None:
    assert evaluate(text) is True


@pytest.mark.parametrize(
    "text",
    ["colour = 'blue'", "price = '10'", "missing = 1 AND FALSE", "FALSE AND missing = 1", "1 > 1"],
)
def test_a_condition_is_false(text: str) -> None:
    assert evaluate(text) is False


@pytest.mark.parametrize(
    "text",
    [
        "missing = 1",
        "missing <> 1",
        "NOT missing = 1",
        "-missing = 1",
        "missing + 1 = 1",
        "missing IN (1, 2)",
        "missing NOT IN (1, 2)",
        "price IN (1, missing)",
        "missing LIKE '%'",
        "missing = 1 OR FALSE",
        "FALSE OR missing = 1",
        "missing = 1 AND TRUE",
        "TRUE AND missing = 1",
        "sys.To = 'x'",
    ],
)
def test_a_condition_is_unknown(text: str) -> None:
    assert evaluate(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("price", "A condition is expected"),
        ("colour > 5", "no order"),
        ("-colour = 5", "takes a number"),
        ("colour LIKE 'x' ESCAPE 'ab'", "a single character"),
        ("colour LIKE 'x' ESCAPE missing", "a single character"),
        ("price LIKE 'x'", "LIKE cannot compare"),
    ],
)
def test_types_that_do_not_fit_are_an_error(text: str, problem: str) -> None:
    with pytest.raises(FilterError, match=problem):
        evaluate(text)
