"""Queues are created for as long as they are wanted, by whatever the namespace offers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, cast

import pytest
from azure.core.exceptions import HttpResponseError

from celery_azure.administration import FOR_EVER, Life, create_queue

if TYPE_CHECKING:
    from celery_azure.connection import ServiceBusEndpoint

DAY = timedelta(days=1)


class Service:
    """A namespace that creates queues, and may refuse those that go by themselves."""

    def __init__(self, refusal: int | None = None) -> None:
        self.created: list[dict[str, Any]] = []
        self._refusal = refusal

    def administration_client(self) -> Service:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def create_queue(self, name: str, **options: Any) -> None:
        if self._refusal and "auto_delete_on_idle" in options:
            error = HttpResponseError("no")
            error.status_code = self._refusal
            raise error
        self.created.append({"name": name, **options})


def create(service: Service, name: str, life: Life = FOR_EVER) -> None:
    create_queue(cast("ServiceBusEndpoint", service), name, 60, life)


def test_a_queue_stays_for_ever() -> None:
    service = Service()
    create(service, "jobs")
    assert service.created == [{"name": "jobs", "lock_duration": "PT60S"}]


def test_a_queue_goes_and_forgets_when_it_is_told_to() -> None:
    service = Service()
    create(service, "news", Life(idle_seconds=86_400, ttl_seconds=60))
    [options] = service.created
    assert options["auto_delete_on_idle"] == DAY
    assert options["default_message_time_to_live"] == timedelta(minutes=1)


@pytest.mark.parametrize("prefix", ["", "team-"])
def test_replies_to_a_client_that_is_gone_do_not_stay_for_ever(prefix: str) -> None:
    service = Service()
    create(service, f"{prefix}a6afee3b-5388-35cf-bf53-d893f16221d7")
    assert service.created[0]["auto_delete_on_idle"] == DAY


def test_where_no_queue_goes_by_itself_it_stays() -> None:
    service = Service(refusal=400)
    create(service, "news", Life(idle_seconds=86_400))
    assert service.created == [{"name": "news", "lock_duration": "PT60S"}]


def test_who_may_not_create_does_not_try_twice() -> None:
    with pytest.raises(HttpResponseError):
        create(Service(refusal=401), "news", Life(idle_seconds=86_400))
