"""The shapes of answers, for the OpenAPI document."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from queue_app.errors import Component
from queue_app.jobs import JobState, TaskState

EXAMPLE_TASK_ID = "6f1c9c1e-7a0b-4c1b-9f57-0b6d6a3f2a4e"


_TIME = "RFC 3339, UTC"


class _Schema(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Greeting(_Schema):
    """The answer of the root."""

    message: Annotated[str, Field(examples=["Hello World"])]


class Enqueued(_Schema):
    """A job that the broker has accepted."""

    task_id: Annotated[str, Field(examples=[EXAMPLE_TASK_ID])]


class Problem(BaseModel):
    """Problem details (RFC 9457), with the extension members of this service."""

    type: Annotated[str, Field(description="stable; answers with a description of the problem")]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="the path that was asked for")]
    component: Annotated[Component | None, Field(description="what is out of reach")] = None
    components: Annotated[
        dict[Component, str] | None, Field(description="`ok`, or why not, for each component")
    ] = None
    limit: Annotated[
        int | None,
        Field(description="what was exceeded: bytes of a body, or clients that wait"),
    ] = None


class BatchItem(BaseModel):
    """What became of one job of a batch: `task_id`, or `problem`."""

    index: Annotated[int, Field(description="its place in the batch, from 0")]
    status: Annotated[int, Field(description="what POST /enqueue/ would have answered")]
    task_id: str | None = None
    problem: Problem | None = None


class Batch(_Schema):
    """What became of the jobs of a batch."""

    accepted: int
    refused: int
    items: list[BatchItem]


class TaskStatus(_Schema):
    """A job at this moment."""

    task_id: Annotated[str, Field(examples=[EXAMPLE_TASK_ID])]
    status: JobState
    result: Annotated[
        Any,
        Field(
            description="null until the job has ended; for FAILURE an object with the exception's "
            "`type` and `message`; else what the task returned"
        ),
    ]


class TaskProgress(_Schema):
    """How far a running task is, in a unit of its own."""

    done: float
    total: Annotated[float | None, Field(description="null when nobody knows")]
    message: str


class Task(_Schema):
    """All that is known of a task; null for what is not known, or not yet."""

    task_id: Annotated[str, Field(examples=[EXAMPLE_TASK_ID])]
    state: TaskState
    result: Annotated[Any, Field(description="as in the status")]
    progress: TaskProgress | None
    enqueued_at: Annotated[str | None, Field(description=_TIME)]
    started_at: Annotated[str | None, Field(description=_TIME)]
    ended_at: Annotated[str | None, Field(description=_TIME)]
    attempts: Annotated[int | None, Field(description="which attempt it is, from 1")]
    worker: str | None
    queue: str | None
    payload_bytes: Annotated[int | None, Field(description="as compact JSON")]
    result_bytes: Annotated[int | None, Field(description="as compact JSON")]


class DeadLetterSummary(BaseModel):
    """A message that was given up."""

    sequence_number: Annotated[int, Field(description="its name in the dead-letter queue")]
    id: Annotated[str, Field(description="the same as text, for whoever's numbers end at 53 bits")]
    task_id: Annotated[str | None, Field(description="null when Celery did not write it")]
    task: Annotated[str | None, Field(description="the name of the Celery task")]
    reason: Annotated[str | None, Field(description="why it was given up, in a word")]
    description: Annotated[str | None, Field(description="why it was given up, in a sentence")]
    enqueued_at: Annotated[str | None, Field(description=_TIME)]
    delivery_count: int
    message_bytes: int


class DeadLetterInFull(DeadLetterSummary):
    """A message that was given up, with its payload."""

    payload: Annotated[Any, Field(description="null when it travels by claim, or is not readable")]
    claim: Annotated[str | None, Field(description="the blob that holds the payload")]


class DeadLetterPage(_Schema):
    """Messages that were given up, from the oldest on."""

    items: list[DeadLetterSummary]
    next: Annotated[int | None, Field(description="`after` of the next page; null at the end")]


class SettledLetters(_Schema):
    """What became of dead letters."""

    done: Annotated[list[int], Field(description="no longer in the dead-letter queue")]
    missing: Annotated[list[int], Field(description="asked for and not found")]
    complete: Annotated[bool, Field(description="false when there may be more: ask again")]


class Queue(_Schema):
    """The messages of the queue; null where the right to ask is missing."""

    active: Annotated[int | None, Field(description="to be received now")]
    scheduled: Annotated[int | None, Field(description="to be received later")]
    dead_letter: Annotated[int | None, Field(description="given up")]


class Health(_Schema):
    """The process lives."""

    status: Literal["ok"]


class Ready(_Schema):
    """Every component answers."""

    status: Literal["ready"]
    components: dict[Component, Literal["ok"]]


class ProblemDescription(_Schema):
    """What a problem type means."""

    type: Annotated[str, Field(examples=["/problems/not-an-object"])]
    title: str
    status: int
    description: str
