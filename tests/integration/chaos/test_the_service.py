"""What the service does to its clients in the course of a day: idle limits, throttling, tokens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from celery_azure.errors import BusyError, NotFoundError, UnauthorizedError
from harness.waiting import wait_until
from servicebus_emulator import IdleLimits
from tests.integration.chaos.site import (
    QUEUE,
    LoopPublisher,
    Site,
    ThreadedPublisher,
    complaints,
    held,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = [ThreadedPublisher, LoopPublisher]
BUSY = "The request was terminated. Error code : 50009. Please wait {} seconds and try again."


@pytest.fixture
def idle_site() -> Iterator[Site]:
    with Site(idle_limits=IdleLimits()) as site:
        yield site


def links(site: Site, entity: str = "", client_is: str = "") -> set[str]:
    """The names of the links that clients have: of all, or of those of one kind."""
    return {
        link["name"]
        for connection in site.control.connections()
        for link in connection["links"]
        if entity in ("", link["entity"]) and client_is in ("", link["client_is"])
    }


@pytest.mark.parametrize("kind", KINDS)
def test_idle_links_and_connections_that_were_ended_are_there_when_they_are_needed(
    idle_site: Site, kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    publisher = idle_site.publisher(kind)
    idle_site.worker()
    idle_site.publish(publisher)
    idle_site.wait_until_done()
    for _ in range(2):
        before = links(idle_site)
        idle_site.control.advance(601)
        idle_site.publish(publisher)
        idle_site.wait_until_done()
        assert before.isdisjoint(links(idle_site))

    idle_site.ledger.assert_each_ran_once()
    assert len(idle_site.ledger.accepted) == 3
    assert complaints(caplog) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_throttled_publisher_waits_as_long_as_it_is_told_to(
    site: Site, kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    publisher = site.publisher(kind)
    site.publish(publisher)
    fault = site.control.inject("send", "throttle", description=BUSY.format(1), times=1)
    site.publish_at_once(publisher, threads=4, count=1)

    assert fault.hits == 1
    assert not site.ledger.refused
    assert {message["message_id"] for message in site.messages()} == set(site.ledger.accepted)
    assert len(site.messages()) == 5
    assert complaints(caplog) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_publisher_that_cannot_wait_so_long_is_told_at_once(site: Site, kind: type[Any]) -> None:
    publisher = site.publisher(kind)
    site.publish(publisher)
    fault = site.control.inject("send", "throttle", description=BUSY.format(30))
    site.publish(publisher, 3)

    errors = list(site.ledger.refused.values())
    assert [type(error) for error in errors] == [BusyError] * 3
    assert [getattr(error, "seconds", None) for error in errors] == [30] * 3
    assert fault.hits == 1  # the others are not even tried
    assert len(site.messages()) == 1


def test_a_throttled_worker_comes_back(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    please = BUSY.format(1)
    site.control.inject("attach", "throttle", entity=QUEUE, description=please, times=1)
    site.control.inject("settle", "throttle", description=please, times=1)
    publisher = site.publisher()
    site.publish(publisher)
    site.worker()
    site.publish(publisher, 3)
    site.wait_until_done()

    site.ledger.assert_each_ran_once()
    assert complaints(caplog) == []


def have_come(site: Site, old: set[str]) -> bool:
    """Whether there are receivers that are not old."""
    return bool(links(site, QUEUE, "receiver") - old)


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_that_have_expired_are_replaced(
    site: Site, kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    worker, publisher = site.worker(), site.publisher(kind)
    with held(worker):
        site.publish(publisher, 2)
        site.wait_until_held(worker, 2)
        for _ in range(2):
            old = links(site, QUEUE, "receiver")
            site.control.inject("now", "expire-tokens")
            site.publish(publisher)
            # Else the next token may expire before there is a link, which is worth a complaint.
            wait_until(partial(have_come, site, old), "the worker's new link")
    site.publish(publisher)
    site.wait_until_done()

    site.ledger.assert_each_ran_once()
    assert not site.ledger.refused
    assert complaints(caplog) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_is_refused_is_told_to_publishers_and_once_by_a_worker(
    site: Site, kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    with site.control.fault("authenticate", "refuse"):
        publisher = site.publisher(kind)
        site.publish(publisher)
        site.worker()
        wait_until(lambda: complaints(caplog), "the worker's word")
        site.publish(publisher)
    assert [type(error) for error in site.ledger.refused.values()] == [UnauthorizedError] * 2
    [told] = complaints(caplog)
    assert told.startswith(f"Nothing can be received from {QUEUE!r}, trying on")
    assert "key of" not in told

    site.publish_until_accepted(publisher)
    site.wait_until_done()
    assert len(complaints(caplog)) == 1


def test_rights_to_send_and_to_listen_suffice_on_queues_that_exist(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    worker, publisher = site.worker(), site.publisher()
    with held(worker):
        site.publish(publisher, 3)
        site.wait_until_held(worker, 3)
        site.control.inject("now", "drop")  # settled by lock tokens, which needs no more rights
    site.wait_until_done()

    site.ledger.assert_each_ran_once()
    assert complaints(caplog) == []


def test_a_queue_that_is_missing_and_may_not_be_created_is_one_error_and_one_warning(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = site.publisher()
    for _ in range(3):
        with pytest.raises(NotFoundError):
            publisher.publish("a", "missing")
    [told] = complaints(caplog)
    assert told.startswith("Queue 'missing' does not exist and cannot be created: ")
    assert "key of" not in told
