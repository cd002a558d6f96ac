import pytest

from harness.node import major_version


@pytest.mark.parametrize(
    ("printed", "major"),
    [
        ("v24.19.0\n", 24),
        ("v22.0.0", 22),
        ("v9.11.2", 9),
        ("", 0),
        ("24.19.0", 0),
        ("node: command not found", 0),
    ],
)
def test_reads_the_major_version(printed: str, major: int) -> None:
    assert major_version(printed) == major
