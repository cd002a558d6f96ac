import io

from harness.guard import left_over


def test_nothing_is_left_of_a_harness_that_released_everything() -> None:
    assert left_over(io.StringIO("+7\n+8\n-8\n-7\n")) == set()


def test_what_was_not_released_is_left() -> None:
    assert left_over(io.StringIO("+7\n+8\n-7\n+9\n")) == {8, 9}


def test_a_release_of_an_unknown_group_is_nothing() -> None:
    assert left_over(io.StringIO("-7\n+8\n")) == {8}
