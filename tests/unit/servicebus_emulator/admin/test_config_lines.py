import pytest

from servicebus_emulator.admin.config_lines import line_of

TEXT = """{
  "a": 1,
  "b": [
    {"c": 2},
    {
      "d": 3
    }
  ]
}"""


@pytest.mark.parametrize(
    ("path", "line"),
    [((), 1), (("a",), 2), (("b",), 3), (("b", 0, "c"), 4), (("b", 1), 5), (("b", 1, "d"), 6)],
)
def test_a_value_stands_where_it_begins(path: tuple[str | int, ...], line: int) -> None:
    assert line_of(TEXT, path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [(("x",), 1), (("b", 7), 3), (("b", "c"), 3), ((0,), 1), (("a", "x"), 2)],
)
def test_what_is_missing_is_told_by_the_line_of_its_nearest_parent(
    path: tuple[str | int, ...], line: int
) -> None:
    assert line_of(TEXT, path) == line
