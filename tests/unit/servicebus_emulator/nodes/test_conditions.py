import pytest

from servicebus_emulator.broker.errors import BrokerError, EntityNotFound
from servicebus_emulator.nodes.conditions import CONDITIONS, amqp_error, status_code


def every_kind_of(error: type[BrokerError]) -> set[type[BrokerError]]:
    kinds = set(error.__subclasses__())
    return kinds.union(*(every_kind_of(kind) for kind in kinds))


def test_each_refusal_of_the_broker_has_a_condition() -> None:
    assert set(CONDITIONS) == every_kind_of(BrokerError)


@pytest.mark.parametrize("refusal", CONDITIONS.values())
def test_each_condition_is_a_symbol_of_amqp_or_microsoft(refusal: tuple[str, int]) -> None:
    condition, status = refusal

    assert condition.startswith(("amqp:", "com.microsoft:"))
    assert 400 <= status < 600


def test_the_text_of_the_refusal_reaches_the_client() -> None:
    error = amqp_error(EntityNotFound("orders"))

    assert (error.condition, "'orders'" in error.description) == ("amqp:not-found", True)


def test_the_status_is_that_of_http() -> None:
    assert status_code(EntityNotFound("orders")) == 404
