"""Dead letters: messages that were given up, and what to do with them."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from queue_app.api import openapi, parameters, problems, schemas
from queue_app.api.body import read_body
from queue_app.api.dependencies import ServicesDep
from queue_app.api.responses import FaithfulJSONResponse
from queue_app.api.views import time_text
from queue_app.dead_letters import MAX_PAGE, MAX_SETTLED, DeadLetter, Settled
from queue_app.errors import DeadLetterNotFound, InvalidParameter

_INSTANCE = "/dead-letters/7"
_DEFAULT_PAGE = 50
_MAX_BODY_BYTES = 65_536
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)

router = APIRouter(prefix="/dead-letters", tags=["dead letters"])


class Chosen(BaseModel):
    """Which dead letters: some by their sequence numbers, or all."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sequence_numbers: Annotated[
        list[int | Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]] | None,
        Field(max_length=MAX_SETTLED),
    ] = None
    all: bool = False


@router.get(
    "",
    response_model=schemas.DeadLetterPage,
    responses={
        200: openapi.DEAD_LETTERS_RESPONSE,
        **openapi.problem_responses(
            "/dead-letters",
            problems.INVALID_REQUEST,
            problems.INTERNAL_ERROR,
            problems.BROKER_UNAVAILABLE,
        ),
    },
    openapi_extra={"parameters": [parameters.AFTER, parameters.LIMIT]},
)
async def list_dead_letters(request: Request, services: ServicesDep) -> Response:
    """List messages that were given up, with the reasons, from the oldest on."""
    after = parameters.whole(request, "after", 0, 0, parameters.MAX_AFTER)
    limit = parameters.whole(request, "limit", _DEFAULT_PAGE, 1, MAX_PAGE)
    letters = await services.dead_letters.page(after, limit)
    items = [_members(letter) for letter in letters]
    following = letters[-1].sequence_number if len(letters) == limit else None
    return FaithfulJSONResponse({"items": items, "next": following})


@router.get(
    "/{sequence_number}",  # noqa: FAST003 - read by hand, with problems of our own
    response_model=schemas.DeadLetterInFull,
    responses={
        200: openapi.DEAD_LETTER_RESPONSE,
        **openapi.problem_responses(
            _INSTANCE,
            problems.DEAD_LETTER_NOT_FOUND,
            problems.INTERNAL_ERROR,
            problems.BROKER_UNAVAILABLE,
        ),
    },
    openapi_extra={"parameters": [parameters.SEQUENCE_NUMBER]},
)
async def show_dead_letter(request: Request, services: ServicesDep) -> Response:
    """Show one message that was given up, with its payload."""
    number = _sequence_number(request)
    letter = await services.dead_letters.find(number)
    if letter is None:
        raise DeadLetterNotFound(number)
    return FaithfulJSONResponse(
        {**_members(letter), "payload": letter.payload, "claim": letter.claim}
    )


@router.post(
    "/requeue",
    response_model=schemas.SettledLetters,
    responses={
        200: openapi.SETTLED_RESPONSE,
        **openapi.problem_responses(
            "/dead-letters/requeue",
            problems.PAYLOAD_TOO_LARGE,
            problems.UNSUPPORTED_MEDIA_TYPE,
            problems.INVALID_REQUEST,
            problems.INTERNAL_ERROR,
            problems.BROKER_UNAVAILABLE,
        ),
    },
    openapi_extra=openapi.CHOSEN_BODY,
)
async def requeue_dead_letters(request: Request, services: ServicesDep) -> Response:
    """Send messages to the queue again: some, or all.

    Each is sent first and removed here afterwards: a process that dies in between leaves it in
    both queues, and never in none.
    """
    return _settled(await services.dead_letters.requeue(await _chosen(request)))


@router.post(
    "/delete",
    response_model=schemas.SettledLetters,
    responses={
        200: openapi.SETTLED_RESPONSE,
        **openapi.problem_responses(
            "/dead-letters/delete",
            problems.PAYLOAD_TOO_LARGE,
            problems.UNSUPPORTED_MEDIA_TYPE,
            problems.INVALID_REQUEST,
            problems.INTERNAL_ERROR,
            problems.BROKER_UNAVAILABLE,
        ),
    },
    openapi_extra=openapi.CHOSEN_BODY,
)
async def delete_dead_letters(request: Request, services: ServicesDep) -> Response:
    """Remove messages for ever: some, or all."""
    return _settled(await services.dead_letters.delete(await _chosen(request)))


@router.delete(
    "/{sequence_number}",  # noqa: FAST003 - read by hand, with problems of our own
    response_model=schemas.SettledLetters,
    responses={
        200: openapi.SETTLED_RESPONSE,
        **openapi.problem_responses(
            _INSTANCE,
            problems.DEAD_LETTER_NOT_FOUND,
            problems.INTERNAL_ERROR,
            problems.BROKER_UNAVAILABLE,
        ),
    },
    openapi_extra={"parameters": [parameters.SEQUENCE_NUMBER]},
)
async def delete_dead_letter(request: Request, services: ServicesDep) -> Response:
    """Remove one message for ever."""
    number = _sequence_number(request)
    settled = await services.dead_letters.delete([number])
    if not settled.done:
        raise DeadLetterNotFound(number)
    return _settled(settled)


async def _chosen(request: Request) -> list[int] | None:
    """Read which letters are meant; None for all.

    Raises:
        PayloadError: the body is not declared as JSON, or too long.
        InvalidParameter: it does not say which.
    """
    body = await read_body(request, _MAX_BODY_BYTES)
    try:
        chosen = Chosen.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, ("body", *first["loc"])))
        raise InvalidParameter(f"{where}: {first['msg']}.") from None
    if chosen.all == (chosen.sequence_numbers is not None):
        raise InvalidParameter('body: either "sequence_numbers" or "all": true is expected.')
    numbers = chosen.sequence_numbers
    return None if numbers is None else [int(number) for number in numbers]


def _sequence_number(request: Request) -> int:
    text = request.path_params["sequence_number"]
    if not _NUMBER.fullmatch(text) or int(text) > parameters.MAX_SEQUENCE_NUMBER:
        raise DeadLetterNotFound(text[:40])
    return int(text)


def _settled(settled: Settled) -> Response:
    return FaithfulJSONResponse(
        {"done": settled.done, "missing": settled.missing, "complete": settled.is_complete}
    )


def _members(letter: DeadLetter) -> dict[str, Any]:
    return {
        "sequence_number": letter.sequence_number,
        "id": str(letter.sequence_number),
        "task_id": letter.task_id,
        "task": letter.task,
        "reason": letter.reason,
        "description": letter.description,
        "enqueued_at": time_text(letter.enqueued_at),
        "delivery_count": letter.delivery_count,
        "message_bytes": letter.message_bytes,
    }
