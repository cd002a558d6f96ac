import pytest
from celery.worker import state
from prometheus_client import CollectorRegistry, generate_latest

from celery_azure.counts import DUPLICATES, LOST_LOCKS, counts
from queue_app.worker_metrics import WorkerCollector


def test_what_a_worker_counts_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(counts, LOST_LOCKS, 0)  # whatever ran in this process before
    monkeypatch.setitem(counts, DUPLICATES, 3)
    monkeypatch.setattr(state, "total_count", {"work": 7})
    registry = CollectorRegistry()
    registry.register(WorkerCollector())

    lines = generate_latest(registry).decode().splitlines()

    assert "queue_app_worker_duplicates_total 3.0" in lines
    assert "queue_app_worker_lost_locks_total 0.0" in lines
    assert 'queue_app_worker_tasks_total{task="work"} 7.0' in lines


def test_every_counter_of_the_transport_is_told() -> None:
    told = [family.name for family in WorkerCollector().collect()]
    for name in counts:
        assert f"queue_app_worker_{name.replace(' ', '_')}" in told
