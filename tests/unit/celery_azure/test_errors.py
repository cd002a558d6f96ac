import pytest

from celery_azure import errors
from celery_azure.amqp.frames import AmqpError


@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("amqp:not-found", errors.NotFoundError),
        ("amqp:unauthorized-access", errors.UnauthorizedError),
        ("amqp:link:message-size-exceeded", errors.TooLargeError),
        ("com.microsoft:server-busy", errors.BusyError),
        ("com.microsoft:timeout", errors.UnreachableError),
        ("amqp:connection:forced", errors.UnreachableError),
        ("amqp:something-else", errors.RefusedError),
    ],
)
def test_each_condition_is_an_exception_of_its_kind(
    condition: str, kind: type[errors.ServiceBusError]
) -> None:
    error = errors.error_from(AmqpError(condition, "text"))
    assert type(error) is kind
    assert error.condition == condition
    assert str(error) == f"{condition}: text"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("Please wait 30 seconds and try again. (50009)", 30), ("busy", 10)],
)
def test_a_namespace_that_throttles_tells_how_long_it_wants_to_be_left_alone(
    text: str, seconds: float
) -> None:
    error = errors.error_from(AmqpError("com.microsoft:server-busy", text))
    assert isinstance(error, errors.BusyError)
    assert error.seconds == seconds
