"""Publishers that lose their connection or link at any step: nothing that was accepted is lost."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from celery_azure.amqp import pulse
from harness.waiting import wait_until
from tests.integration.chaos.site import (
    LoopPublisher,
    Site,
    ThreadedPublisher,
    complaints,
)

KINDS = [ThreadedPublisher, LoopPublisher]
STEPS = ["open", "authenticate", "attach", "send"]
CONDITIONS = [
    "amqp:link:detach-forced",
    "amqp:internal-error",
    "amqp:connection:forced",
    "amqp:unauthorized-access",
    "amqp:resource-limit-exceeded",
    "amqp:not-allowed",
    "amqp:link:transfer-limit-exceeded",
    "com.microsoft:timeout",
    "com.microsoft:operation-cancelled",
]
"""With which the cloud detaches links that worked a moment ago."""


@pytest.mark.parametrize(
    ("kind", "operation", "action"),
    [
        *((kind, step, "drop") for kind in KINDS for step in STEPS),
        *((ThreadedPublisher, step, "close") for step in STEPS),
        *((ThreadedPublisher, step, "refuse") for step in ("attach", "send")),
        *((ThreadedPublisher, step, "detach") for step in ("authenticate", "send")),
    ],
)
def test_a_first_message_survives_a_fault_at_any_step(
    site: Site, kind: type[Any], operation: str, action: str, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = site.publisher(kind)
    fault = site.control.inject(operation, action, times=1)
    accepted = site.publish(publisher)

    assert fault.hits == 1
    assert [message["message_id"] for message in site.messages()] == accepted
    assert len(accepted) == 1
    assert len(complaints(caplog)) <= 2, complaints(caplog)


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_lost_is_the_one_case_of_a_message_that_is_sent_twice(
    site: Site, kind: type[Any]
) -> None:
    publisher = site.publisher(kind)
    site.publish(publisher)
    site.control.inject("send", "drop", stage="after", times=1)
    accepted = site.publish(publisher)

    assert [message["message_id"] for message in site.messages()][1:] == accepted * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_queue_that_detects_duplicates_takes_it_once(site: Site, kind: type[Any]) -> None:
    site.emulator.create_queue("once", requires_duplicate_detection=True)
    publisher = site.publisher(kind)
    site.control.inject("send", "drop", stage="after", times=1)
    publisher.publish("a", "once")

    assert len(site.control.messages("once")) == 1


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_link_that_is_detached_is_attached_again_whatever_the_reason(
    site: Site, condition: str, caplog: pytest.LogCaptureFixture
) -> None:
    publisher = site.publisher()
    site.publish(publisher)
    site.control.inject("now", "detach", condition=condition)
    site.control.inject("send", "detach", condition=condition, times=1)
    site.publish(publisher, 3)

    assert not site.ledger.refused
    assert [message["message_id"] for message in site.messages()] == site.ledger.accepted
    assert complaints(caplog) == []


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        *((kind, "send") for kind in KINDS),
        *((ThreadedPublisher, step) for step in ("open", "authenticate", "attach")),
    ],
)
def test_a_peer_that_goes_silent_is_left_in_time(
    site: Site,
    kind: type[Any],
    operation: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for patience in ("_QUIET_SECONDS", "_ECHO_SECONDS", "_SILENT_HANDSHAKE_SECONDS"):
        monkeypatch.setattr(pulse, patience, 0.4)  # else the same, in 4 seconds
    publisher = site.publisher(kind)
    site.control.inject(operation, "half-open", times=1)
    accepted = site.publish(publisher)

    assert len(accepted) == 1
    assert len(complaints(caplog)) <= 4  # a machine that pauses may seem silent once more


@pytest.mark.parametrize("kind", KINDS)
def test_publishers_at_once_each_learn_the_fate_of_their_own(
    site: Site, kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    publisher = site.publisher(kind)
    site.control.inject("send", "drop", after=1, times=2)
    site.control.inject("send", "drop", stage="after", after=1, times=1)
    site.control.inject("send", "detach", after=1, times=2)
    site.publish_at_once(publisher, 8, 10)

    sent = {message["message_id"] for message in site.messages()}
    assert not site.ledger.refused
    assert sent == set(site.ledger.accepted)
    assert len(sent) == 80
    assert len(complaints(caplog)) <= 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_breaks_again_and_again_is_not_hammered(
    site: Site, kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    publisher = site.publisher(kind, seconds=1.0)
    site.publish_until_accepted(publisher)
    site.ledger.refused.clear()
    fault = site.control.inject("send", "drop")

    def has_broken_often() -> bool:
        assert site.publish(publisher) == []
        return bool(fault.hits >= 3)

    wait_until(has_broken_often, "a connection that has broken three times")
    assert "may have arrived" in str(list(site.ledger.refused.values()))
    assert fault.hits < 10 * len(site.ledger.refused)
    assert len(complaints(caplog)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_broker_that_was_restarted_is_found_again(
    site: Site, kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    publisher = site.publisher(kind)
    site.publish(publisher)
    site.stop()
    wait_until(lambda: complaints(caplog), "the outage to be told")
    site.start()
    accepted = site.publish(publisher)

    assert [message["message_id"] for message in site.messages()] == accepted
    assert len(accepted) == 1
    assert len(complaints(caplog)) <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_cannot_be_resolved_for_a_while_ends_nothing(
    site: Site, kind: type[Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.host = "localhost"
    publisher = site.publisher(kind)
    site.publish(publisher)

    def fail(*_: object, **__: object) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", fail)
        site.control.inject("now", "drop")
        wait_until(lambda: complaints(caplog), "the outage to be told")
    accepted = site.publish(publisher)

    assert len(accepted) == 1
    assert "name resolution" in complaints(caplog)[0]
    assert len(complaints(caplog)) <= 2
