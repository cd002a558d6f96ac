import pytest

from celery_azure.options import Options


def test_what_is_not_said_has_a_default() -> None:
    assert Options.read({}) == Options()


def test_options_of_others_are_left_alone() -> None:
    options = Options.read({"send_timeout": 3, "global_keyprefix": "x"})
    assert options.send_timeout == 3


def test_a_format_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="message_format"):
        Options.read({"message_format": "xml"})
