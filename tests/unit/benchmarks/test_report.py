import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.figures import Row


@pytest.fixture
def rows() -> list[Row]:
    row = Row(
        "publish",
        "msg/s",
        "stock",
        "≥ 1.5 × stock",
        {"ours": [3000.0, 3300.0], "stock": [1000.0, 1100.0]},
        {"Celery+Redis": "left out: no redis-server on the path"},
        "a note",
    )
    return [row]


def test_the_text_names_a_row_once_with_its_contenders_target_and_note(rows: list[Row]) -> None:
    lines = report.text(rows, ["machine: one"]).splitlines()
    assert lines[:3] == ["machine: one", "", "publish"]
    assert lines[3].split("  ")[2].strip() == "ours"
    assert "3,150 msg/s" in lines[3]
    assert "3 × stock (3 – 3)" in lines[3]
    assert lines[5].split()[:2] == ["Celery+Redis", "–"]
    assert lines[6:] == ["    target: ≥ 1.5 × stock", "    note: a note"]


def test_the_markdown_has_a_line_for_each_contender(rows: list[Row]) -> None:
    lines = report.markdown(rows, ["machine: one"]).splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert [line.split(" | ")[1] for line in table] == ["who", "ours", "stock", "Celery+Redis"]
    assert table[1].startswith("| publish | ours | 3,150 msg/s |")
    assert table[1].endswith("| ≥ 1.5 × stock |")
    assert lines[-1] == "- publish: a note"


def test_a_run_is_written_for_people_and_for_programs(rows: list[Row], tmp_path: Path) -> None:
    report.write(tmp_path / "new", rows, ["machine: one"], quick=True)
    written = json.loads((tmp_path / "new" / "bench.json").read_text("utf-8"))
    assert written["quick"] is True
    assert written["about"] == ["machine: one"]
    assert written["rows"][0]["contenders"]["ours"]["median"] == 3150.0
    assert (tmp_path / "new" / "bench.md").exists()
    assert (tmp_path / "new" / "bench.txt").exists()
