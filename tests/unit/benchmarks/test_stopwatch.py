from pathlib import Path

from benchmarks.stopwatch import Stopwatch, record


def test_a_task_that_has_not_begun_has_no_time(tmp_path: Path) -> None:
    watch = Stopwatch(tmp_path / "slots", 2)
    assert watch.begun(1) is None
    assert watch.done() == 0


def test_the_time_that_a_task_records_is_seen_in_its_slot(tmp_path: Path) -> None:
    watch = Stopwatch(tmp_path / "slots", 3)
    record(watch.path, 2)
    record(watch.path, 0)
    late, early = watch.begun(0), watch.begun(2)
    assert late is not None
    assert early is not None
    assert early <= late
    assert watch.begun(1) is None
    assert watch.done() == 2
    assert watch.times() == [early, late]
