"""What the process measures, for Prometheus."""

from http import HTTPStatus
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from queue_app.api.lifecycle import Lifecycle
from queue_app.queue_counts import QueueCounts

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
_OUTCOMES = {
    HTTPStatus.OK: "accepted",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "unauthorized",
    HTTPStatus.TOO_MANY_REQUESTS: "limited",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
}


class Metrics:
    """Instruments of one application; `render` is what Prometheus reads."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time until the answer was complete; without those that wait on purpose.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._jobs = Counter(
            "queue_app_jobs",
            "Jobs that clients sent, by what became of the request.",
            ["outcome"],
            registry=self._registry,
        )
        self._messages = Gauge(
            "queue_app_messages", "Messages in the queue.", ["state"], registry=self._registry
        )
        self._cancellations = Counter(
            "queue_app_cancellations",
            "Tasks that clients wanted cancelled, by what became of the wish.",
            ["outcome"],
            registry=self._registry,
        )
        waiting = Gauge(
            "queue_app_waiting_clients",
            "Clients that wait for changes of a task.",
            registry=self._registry,
        )
        waiting.set_function(lambda: lifecycle.streams)
        # Looking an instrument up by its labels costs more than counting.
        self._counters: dict[tuple[str, str, int], Any] = {}
        self._outcomes: dict[int, Any] = {}
        self._timers: dict[tuple[str, str], Any] = {}

    def answered(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """Count an answer; `seconds` is None for one that waited on purpose."""
        if method not in _METHODS:
            method = "other"  # clients may make up as many as they like
        counter = self._counters.get((method, route, status))
        if counter is None:
            counter = self._requests.labels(method, route, str(status))
            self._counters[method, route, status] = counter
        counter.inc()
        if seconds is None:
            return
        timer = self._timers.get((method, route))
        if timer is None:
            timer = self._timers[method, route] = self._seconds.labels(method, route)
        timer.observe(seconds)

    def jobs(self, status: int, count: int = 1) -> None:
        """Count jobs that were answered with a status."""
        outcome = self._outcomes.get(status)
        if outcome is None:
            name = _OUTCOMES.get(HTTPStatus(status), "refused")
            outcome = self._outcomes[status] = self._jobs.labels(name)
        outcome.inc(count)

    def cancelled(self, outcome: str) -> None:
        """Count a wish to cancel a task."""
        self._cancellations.labels(outcome).inc()

    def render(self, counts: QueueCounts | None) -> bytes:
        """Everything in Prometheus' text format; without depths where they are not known."""
        if counts is None:
            self._messages.clear()
        else:
            self._messages.labels("active").set(counts.active)
            self._messages.labels("scheduled").set(counts.scheduled)
            self._messages.labels("dead_letter").set(counts.dead_letter)
        return generate_latest(self._registry)
