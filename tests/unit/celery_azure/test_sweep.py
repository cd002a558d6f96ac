import sys
from collections.abc import Iterator, Sequence

import pytest

from celery_azure.blobs import ListedBlob, Page
from celery_azure.sweep import Swept, main, sweep
from tests.unit.celery_azure.test_results import Backend


class Listed:
    """A container whose listing has two blobs a page."""

    def __init__(self, **modified: float) -> None:
        self.blobs = [ListedBlob(name, '"1"', time) for name, time in sorted(modified.items())]
        self.most_at_once = 0

    def pages(self, prefix: str) -> Iterator[Page]:
        wanted = [blob for blob in self.blobs if blob.name.startswith(prefix)]
        for start in range(0, len(wanted) or 1, 2):
            yield Page(tuple(wanted[start : start + 2]), None)

    def delete_many(self, blobs: Sequence[ListedBlob]) -> int:
        self.most_at_once = max(self.most_at_once, len(blobs))
        before = len(self.blobs)
        self.blobs = [blob for blob in self.blobs if blob not in blobs]
        return before - len(self.blobs)

    @property
    def names(self) -> list[str]:
        return [blob.name for blob in self.blobs]


def test_what_is_too_old_goes_and_the_rest_stays() -> None:
    listed = Listed(a1=10, a2=90, a3=20, b1=10)
    assert sweep(listed, {"a": 50}, now=100) == Swept(seen=3, removed=2)
    assert listed.names == ["a2", "b1"]


def test_each_kind_has_its_own_age() -> None:
    listed = Listed(a=50, b=50)
    sweep(listed, {"a": 40, "b": 60}, now=100)
    assert listed.names == ["b"]


def test_a_blob_goes_when_it_is_older_and_not_before() -> None:
    listed = Listed(a=50)
    assert sweep(listed, {"a": 50}, now=100).removed == 0


def test_no_more_than_a_page_is_held() -> None:
    listed = Listed(**{f"a{number}": 0.0 for number in range(9)})
    assert sweep(listed, {"a": 1}, now=100) == Swept(9, 9)
    assert listed.most_at_once == 2


def test_a_backend_without_an_expiry_keeps_everything() -> None:
    backend = Backend()
    backend.expires = None
    assert backend.cleanup() is None


def test_a_backend_sweeps_results_groups_chords_logs_and_what_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = Backend()
    backend.expires = 3600.0
    backend._also_expire = {"idempotency/": 60.0}
    seen: list[dict[str, float]] = []

    def note(_: object, ages: dict[str, float], __: float) -> Swept:
        seen.append(ages)
        return Swept()

    monkeypatch.setattr("celery_azure.results.sweep", note)
    backend.cleanup()
    assert seen == [
        {
            "celery-task-meta-": 3600.0,
            "celery-taskset-meta-": 3600.0,
            "chord-unlock-": 3600.0,
            "logs/": 3600.0,
            "changes/": 3600.0,
            "idempotency/": 60.0,
        }
    ]


@pytest.mark.parametrize("name", ["no_such_module", "celery_azure.sweep:no_such_app"])
def test_an_app_that_is_not_there_is_told_in_a_line(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit):
        main(["-A", name])

    assert f"error: there is no Celery app '{name}': " in capsys.readouterr().err
