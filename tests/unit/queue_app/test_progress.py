import pytest

from queue_app.jobs import Progress
from queue_app.progress import Throttled, progress_to, report_progress


def test_outside_a_worker_a_report_goes_nowhere() -> None:
    report_progress(1, 2, "nobody listens")


def test_a_report_reaches_the_sink_of_its_block_only() -> None:
    seen: list[Progress] = []
    with progress_to(seen.append):
        report_progress(1)
        report_progress(2, 10, "half")
    report_progress(3)
    assert seen == [Progress(1), Progress(2, 10, "half")]


def test_the_sink_is_let_go_when_the_work_raises() -> None:
    seen: list[Progress] = []
    with pytest.raises(ValueError, match="work"), progress_to(seen.append):
        raise ValueError("work")
    report_progress(1)
    assert seen == []


def test_of_many_reports_one_passes_in_an_interval_and_the_complete_one_always() -> None:
    seen: list[Progress] = []
    now = 0.0
    report = Throttled(seen.append, lambda: now, interval=1.0)
    for step in range(1, 9):
        report(Progress(step, 10))
        now += 0.4
    report(Progress(10, 10))
    assert [progress.done for progress in seen] == [1, 4, 7, 10]
