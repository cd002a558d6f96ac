import pytest

from benchmarks.figures import Row, Spread, number, percentile


@pytest.fixture
def row() -> Row:
    row = Row("publish", "msg/s", "stock", "≥ 2 × stock")
    for ours, stock in ((200.0, 100.0), (90.0, 30.0), (400.0, 100.0)):
        row.add("ours", ours)
        row.add("stock", stock)
    return row


def test_a_spread_has_the_median_and_both_ends() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0, 3)


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds(row: Row) -> None:
    # A slow round, in which both suffer, does not change it: 2, 3 and 4 times.
    assert row.ratio("ours") == Spread(3.0, 2.0, 4.0, 3)


def test_the_reference_has_no_ratio(row: Row) -> None:
    assert row.ratio("stock") is None


def test_there_is_no_ratio_to_what_was_not_measured(row: Row) -> None:
    row.reference = "another"
    assert row.ratio("ours") is None


def test_rounds_in_which_the_reference_measured_zero_give_no_ratio() -> None:
    row = Row("cost", "ms", "first", samples={"first": [0.0], "last": [1.0]})
    assert row.ratio("last") is None


def test_percentiles_lie_between_samples() -> None:
    assert percentile([0.0, 10.0], 50) == 5.0
    assert percentile([float(value) for value in range(101)], 95) == 95.0


def test_a_lone_sample_is_every_percentile() -> None:
    assert percentile([7.0], 95) == 7.0


@pytest.mark.parametrize(
    ("value", "text"), [(1666.4, "1,666"), (14.56, "14.6"), (0.3344, "0.334"), (1.0, "1")]
)
def test_numbers_keep_three_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text


def test_a_row_as_json_keeps_samples_and_ratios(row: Row) -> None:
    row.left_out["arq"] = "left out: no redis-server on the path"
    json = row.as_json()
    assert json["contenders"]["ours"]["samples"] == [200.0, 90.0, 400.0]
    assert json["contenders"]["ours"]["ratio"] == 3.0
    assert json["contenders"]["ours"]["ratio_range"] == [2.0, 4.0]
    assert json["contenders"]["stock"]["ratio"] is None
    assert json["left_out"] == {"arq": "left out: no redis-server on the path"}
