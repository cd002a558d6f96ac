from uuid import uuid4

import pytest

from servicebus_emulator.admin.refusals import refusal
from servicebus_emulator.broker.namespace import Namespace


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "orders", "Manage,EntityRead claims required for this operation."),
        ("GET", "$Resources/queues", "Manage,EntityRead claims required for this operation."),
        ("PUT", "other", "Authorization failed for specified action: Manage,EntityWrite."),
        ("DELETE", "orders", "Authorization failed for specified action: Manage,EntityDelete."),
        ("GET", "t/Subscriptions", "Unauthorized access for 'EnumerateSubscriptions' operation"),
        ("GET", "t/subscriptions/s", "Unauthorized access for 'GetSubscription' operation"),
        ("PUT", "t/Subscriptions/s", "access for 'CreateOrUpdateSubscription' operation"),
        ("DELETE", "t/Subscriptions/s", "Unauthorized access for 'DeleteSubscription' operation"),
        ("GET", "t/Subscriptions/s/Rules", "Unauthorized access for 'EnumerateRules' operation"),
        ("DELETE", "t/Subscriptions/s/Rules/r", "Unauthorized access for 'DeleteRule' operation"),
    ],
)
def test_a_refusal_has_the_words_of_the_service(method: str, path: str, words: str) -> None:
    """As the live tests of the SDK for Go look for them."""
    namespace = Namespace(uuid4)
    namespace.create_queue("orders", now=0.0)

    said = refusal(method, path, namespace)

    assert said is not None
    assert words in said


def test_that_there_is_no_such_entity_is_no_secret() -> None:
    assert refusal("GET", "orders", Namespace(uuid4)) is None
