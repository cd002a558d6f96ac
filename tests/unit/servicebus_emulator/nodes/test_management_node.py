import uuid

import pytest

from servicebus_emulator.amqp.types import Int, Symbol
from servicebus_emulator.broker.limits import Limits
from tests.unit.servicebus_emulator.nodes.in_memory import LISTENER, Client, World, body
from tests.unit.servicebus_emulator.nodes.requests import Asker

PEEK = "com.microsoft:peek-message"
PEEK_ALL = {"from-sequence-number": 1, "message-count": 10}


def test_a_success_has_status_200_and_a_body() -> None:
    client = Client(World())
    client.send(client.sender(), body("a"))
    answer = Asker(client, "orders/$management").ask(PEEK_ALL, operation=PEEK)

    assert answer.application_properties == {"statusCode": 200, "statusDescription": "OK"}
    assert type(answer.application_properties["statusCode"]) is Int
    assert len(answer.value["messages"]) == 1


def test_nothing_to_give_is_status_204() -> None:
    answer = Asker(Client(World()), "orders/$management").ask(PEEK_ALL, operation=PEEK)

    assert (answer.application_properties["statusCode"], answer.value) == (204, None)


def test_a_refusal_has_its_status_and_its_condition_as_a_symbol() -> None:
    tokens = {"lock-tokens": [uuid.UUID(int=99)]}
    answer = Asker(Client(World()), "orders/$management").ask(
        tokens, operation="com.microsoft:renew-lock"
    )
    condition = answer.application_properties["errorCondition"]

    assert answer.application_properties["statusCode"] == 410
    assert (condition, type(condition)) == ("com.microsoft:message-lock-lost", Symbol)
    assert "lock" in answer.application_properties["statusDescription"]


def test_half_a_request_is_a_bad_one() -> None:
    answer = Asker(Client(World()), "orders/$management").ask({}, operation=PEEK)

    assert answer.application_properties["statusCode"] == 400
    assert "message-count" in answer.application_properties["statusDescription"]


def test_a_body_that_is_no_map_is_a_bad_request() -> None:
    answer = Asker(Client(World()), "orders/$management").ask("text", operation=PEEK)

    assert answer.application_properties["statusCode"] == 400


def test_an_operation_that_nobody_knows_is_refused() -> None:
    asker = Asker(Client(World()), "orders/$management")
    unknown = asker.ask({}, operation="com.microsoft:dance").application_properties
    asker.reply_link.grant(1)
    missing = asker.ask({}).application_properties

    assert (unknown["statusCode"], missing["statusCode"]) == (501, 501)
    assert "com.microsoft:dance" in unknown["statusDescription"]


def test_an_operation_takes_the_right_that_the_link_for_it_would_take() -> None:
    asker = Asker(Client(World(), LISTENER), "orders/$management")
    peeked = asker.ask(PEEK_ALL, operation=PEEK).application_properties
    asker.reply_link.grant(1)
    scheduled = asker.ask(
        {"messages": []}, operation="com.microsoft:schedule-message"
    ).application_properties

    assert (peeked["statusCode"], scheduled["statusCode"]) == (204, 401)
    assert scheduled["errorCondition"] == "amqp:unauthorized-access"


def test_a_queue_that_was_deleted_meanwhile_is_not_found() -> None:
    client = Client(World())
    asker = Asker(client, "orders/$management")
    client.world.namespace.delete_queue("orders")
    answer = asker.ask(PEEK_ALL, operation=PEEK).application_properties

    assert (answer["statusCode"], answer["errorCondition"]) == (404, "amqp:not-found")


@pytest.mark.parametrize(
    ("path", "operation", "request_body"),
    [
        ("orders", "peek-message", {"from-sequence-number": 1, "message-count": 5}),
        ("news/Subscriptions/all", "enumerate-rules", {"skip": 0, "top": 5}),
    ],
)
def test_requests_beyond_the_credits_of_a_second_are_told_that_the_service_is_busy(
    path: str, operation: str, request_body: dict[str, int]
) -> None:
    world = World(limits=Limits(credits_per_second=1))
    world.namespace.create_topic("news", now=world.now).create_subscription("all", now=world.now)
    client = Client(world)
    client.send(client.sender(), body("a"))
    client.outcomes()
    answers = []
    for _ in range(2):
        asker = Asker(client, f"{path}/$management")
        answer = asker.ask(request_body, operation=f"com.microsoft:{operation}")
        answers.append(answer.application_properties)
        world.pass_time(1.0)

    assert [answer["statusCode"] for answer in answers] == [503, 200]
    assert answers[0]["errorCondition"] == "com.microsoft:server-busy"
