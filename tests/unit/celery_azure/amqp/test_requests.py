from __future__ import annotations

from typing import Any

import pytest

from celery_azure.amqp.messages import Message
from celery_azure.amqp.requests import Answer, Request, Requests
from tests.unit.celery_azure.amqp.world import World


def asked(world: World, name: str, body: dict[str, Any]) -> tuple[Requests, list[Answer]]:
    requests = Requests("jobs", "jobs/$management")
    answers: list[Answer] = []
    world.engine.add_requests(requests, world.now)
    requests.operation(name, body, world.now, answers.append)
    return requests, answers


def test_a_request_waits_for_its_links_and_is_answered() -> None:
    world = World()
    world.put("a")
    body = {"from-sequence-number": 0, "message-count": 1}
    _, answers = asked(world, "peek-message", body)
    world.turn()
    [answer] = answers
    assert answer.error is None
    assert len(answer.body["messages"]) == 1


def test_an_operation_that_is_refused_says_why() -> None:
    world = World()
    _, answers = asked(world, "no-such-operation", {})
    world.turn()
    [answer] = answers
    assert answer.error is not None
    assert answer.error.condition


def test_a_request_that_is_not_answered_fails_in_time() -> None:
    world = World()
    world.is_reachable = False
    _, answers = asked(world, "peek-message", {})
    world.pass_time(21)
    [answer] = answers
    assert answer.error is not None
    assert answer.error.condition == "com.microsoft:timeout"


def test_what_was_asked_when_the_connection_broke_fails_and_what_waits_does_not() -> None:
    world = World()
    body = {"from-sequence-number": 0, "message-count": 1}
    requests, answers = asked(world, "peek-message", body)
    world.turn()
    world.hears = False
    requests.operation("peek-message", body, world.now, answers.append)
    world.turn()
    world.cut()
    requests.operation("peek-message", body, world.now, answers.append)
    world.turn()
    conditions = [answer.error.condition if answer.error else None for answer in answers]
    assert conditions == [None, "amqp:connection:lost", None]


def test_a_request_that_cannot_be_written_is_answered_by_that() -> None:
    world = World()
    requests, answers = asked(world, "peek-message", {"odd": object()})
    body = {"from-sequence-number": 0, "message-count": 1}
    requests.operation("peek-message", body, world.now, answers.append)
    world.turn()
    errors = [answer.error.condition if answer.error else None for answer in answers]
    assert errors == ["amqp:invalid-field", None]


@pytest.mark.parametrize(
    ("properties", "condition", "description"),
    [
        ({}, "status 0", ""),
        ({"statusCode": "200"}, "status 0", ""),
        ({"statusCode": 401}, "amqp:unauthorized-access", ""),
        ({"statusCode": 404, "errorCondition": 5, "statusDescription": [1]}, "amqp:not-found", ""),
        ({"statusCode": 410, "error-condition": "gone", "statusDescription": "s"}, "gone", "s"),
    ],
)
def test_an_odd_answer_is_a_refusal(
    properties: dict[str, Any], condition: str, description: str
) -> None:
    requests, answers = Requests("jobs", "jobs/$management"), list[Answer]()
    requests._asked["1"] = Request(Message(), 0.0, answers.append)
    requests.on_answer(Message(correlation_id="1", properties=properties).to_bytes())
    [answer] = answers
    assert answer.error is not None
    assert (answer.error.condition, answer.error.description) == (condition, description)


def test_one_who_fails_to_take_an_answer_keeps_none_from_the_others() -> None:
    world = World()
    world.is_reachable = False
    requests, answers = asked(world, "peek-message", {})

    def fail(answer: Answer) -> None:
        raise KeyError(str(answer))

    requests._waiting.appendleft(Request(Message(), world.now, fail))
    with pytest.raises(KeyError):
        requests.expire(world.now + 21)
    assert len(answers) == 1
