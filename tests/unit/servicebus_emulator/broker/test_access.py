import pytest

from servicebus_emulator.broker.access import EVERY_RIGHT, AccessKey, Right, check_policies
from servicebus_emulator.broker.errors import ArgumentError


@pytest.mark.parametrize(
    ("policy", "refusal"),
    [
        (AccessKey("", "key"), "has 1 to 256 characters"),
        (AccessKey("n" * 257, "key"), "has 1 to 256 characters"),
        (AccessKey("name", ""), "have 1 to 512 characters"),
        (AccessKey("name", "key", secondary_key="s" * 513), "have 1 to 512 characters"),
        (AccessKey("name", "key", Right(0)), "grants no right"),
        (AccessKey("name", "key", Right.MANAGE | Right.SEND), "include Send and Listen"),
    ],
)
def test_a_policy_that_breaks_a_rule_is_refused(policy: AccessKey, refusal: str) -> None:
    with pytest.raises(ArgumentError, match=refusal):
        check_policies((policy,))


def test_a_policy_is_the_same_whenever_it_was_made() -> None:
    assert AccessKey("name", "key", created_at=1.0) == AccessKey("name", "key", EVERY_RIGHT)


def test_a_policy_shows_no_key() -> None:
    assert "secret" not in repr(AccessKey("name", "secret-1", secondary_key="secret-2"))
