from queue_app.api.fields import field

SCOPE = {"headers": [(b"host", b"a"), (b"x-name", b"\xe9"), (b"x-name", b"second")]}


def test_the_first_value_of_a_field_is_read_as_latin_1() -> None:
    assert field(SCOPE, b"x-name") == "é"


def test_a_field_that_is_missing_has_no_value() -> None:
    assert field(SCOPE, b"x-nam") is None
