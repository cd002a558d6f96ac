import pytest

from celery_azure.options import Options


def test_what_is_not_said_has_a_default() -> None:
    assert Options.read({}) == Options()


def test_options_of_others_are_left_alone() -> None:
    options = Options.read({"send_timeout": 3, "global_keyprefix": "x"})
    assert options.send_timeout == 3


def test_what_kombus_own_transport_calls_otherwise_is_understood() -> None:
    theirs = {"peek_lock_seconds": 300, "max_lock_renewal_duration": 7200}
    assert Options.read(theirs) == Options(lock_seconds=300, lock_renewal_seconds=7200)
    assert Options.read({**theirs, "lock_seconds": 30}).lock_seconds == 30


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("send_timeout", "10"),
        ("lock_seconds", -1),
        ("peek_lock_seconds", None),
        ("unlimited_prefetch", True),
        ("create_queues", "false"),
        ("fanout", 1),
        ("queue_name_prefix", None),
        ("admin_port", "5300"),
    ],
)
def test_a_value_that_an_option_cannot_have_is_refused_by_name(name: str, value: object) -> None:
    ours = "lock_seconds" if name.startswith("peek") else name
    with pytest.raises(ValueError, match=f"^{ours} is .*; expected: "):
        Options.read({name: value})


def test_an_option_may_be_given_its_default() -> None:
    assert Options.read({"admin_port": None, "send_timeout": 0.5}).send_timeout == 0.5


def test_a_format_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="message_format"):
        Options.read({"message_format": "xml"})
