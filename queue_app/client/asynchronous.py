"""The asynchronous client."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, Self

import httpx

from queue_app.client import answers, calls
from queue_app.client.answers import ApiError, Event, EventReader, Job, Settled, TaskView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime


class AsyncQueueClient:
    """Speaks to an API; to be used by several tasks.

    Calls that may be sent twice are tried again when the API is away or asks to: all but a
    single enqueue with `idempotency_key=None`. Errors are `ApiError`, or httpx's when nothing was
    answered.

    Args:
        url: Where the API is, such as `http://127.0.0.1:8001`.
        key: An API key.
        timeout: Seconds without any answer after which a call fails.
        transport: httpx's, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=timeout, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def enqueue(
        self,
        data: dict[str, Any],
        *,
        delay: float | None = None,
        at: datetime | None = None,
        idempotency_key: str | None = "",
    ) -> str:
        """Enqueue a job; the id of its task.

        Args:
            data: the payload.
            delay: not to be started before so many seconds.
            at: not to be started before this time; it must have a zone.
            idempotency_key: "" for one made here, so that the call can be tried again; None to
                enqueue without one, which costs the API less, and is tried once.
        """
        key = str(uuid.uuid4()) if idempotency_key == "" else idempotency_key
        answer = await self._send(calls.enqueue(data, key, delay, at))
        return str(answer.json()["task_id"])

    async def enqueue_many(
        self,
        items: Iterable[dict[str, Any]],
        *,
        delay: float | None = None,
        at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> list[str | ApiError]:
        """Enqueue many jobs; for each the id of its task, or why there is none."""
        answer = await self._send(calls.enqueue_many(items, idempotency_key, delay, at))
        return answers.outcomes(answer.json())

    async def status(self, task_id: str, *, wait: float = 0) -> Job:
        """Tell the status of a job, after waiting at most `wait` seconds (30) for its end."""
        return answers.job((await self._send(calls.status(task_id, wait))).json())

    async def wait(self, task_id: str) -> Job:
        """Wait for the end of a job, however long that takes."""
        while True:
            job = await self.status(task_id, wait=calls.LONGEST_WAIT)
            if job.has_ended:
                return job

    async def events(self, task_id: str) -> AsyncIterator[Event]:
        """The events of a job up to its `end`; connects again when the stream breaks off."""
        reader = EventReader()
        failures = 0
        while True:
            reader.begin()
            call = calls.events(task_id, reader.last_id)
            try:
                async with self._stream(call) as response:
                    await _check_stream(response)
                    failures = 0
                    async for line in response.aiter_lines():
                        event = reader.feed(line)
                        if event is None:
                            continue
                        yield event
                        if event.name == "end":
                            return
            except (httpx.TransportError, ApiError) as error:
                failures += 1
                if failures > calls.RETRIES or not answers.may_try_again(error):
                    raise
            await asyncio.sleep(answers.pause(failures, None))

    async def log(self, task_id: str, *, follow: bool = False) -> AsyncIterator[str]:
        """The log of a task in pieces; with `follow` until the task has ended."""
        async with self._stream(calls.log(task_id, follow=follow)) as response:
            await _check_stream(response)
            async for text in response.aiter_text():
                yield text

    async def task(self, task_id: str) -> TaskView:
        """Tell all that is known of a task."""
        return answers.task_view((await self._send(calls.task(task_id))).json())

    async def cancel(self, task_id: str) -> TaskView:
        """Cancel a task; an `ApiError` with status 409 when it is too late."""
        return answers.task_view((await self._send(calls.cancel(task_id))).json())

    async def queue(self) -> dict[str, int | None]:
        """How many messages are active, scheduled and given up; None where nobody knows."""
        counts: dict[str, int | None] = (await self._send(calls.queue())).json()
        return counts

    async def dead_letters(self) -> AsyncIterator[dict[str, Any]]:
        """Every dead letter, from the oldest on."""
        after: int | None = 0
        while after is not None:
            page = (await self._send(calls.dead_letters(after, 250))).json()
            for letter in page["items"]:
                yield letter
            after = page["next"]

    async def dead_letter(self, sequence_number: int) -> dict[str, Any]:
        """One dead letter, with its payload."""
        letter: dict[str, Any] = (await self._send(calls.dead_letter(sequence_number))).json()
        return letter

    async def requeue(self, numbers: Sequence[int] | None) -> Settled:
        """Send dead letters to the queue again; for None, the first thousand."""
        return answers.settled((await self._send(calls.settle("requeue", numbers))).json())

    async def delete_dead_letters(self, numbers: Sequence[int] | None) -> Settled:
        """Remove dead letters for ever; for None, the first thousand."""
        return answers.settled((await self._send(calls.settle("delete", numbers))).json())

    async def _send(self, call: calls.Call) -> httpx.Response:
        failures = 0
        while True:
            try:
                response = await self._http.request(
                    call.method,
                    call.path,
                    params=call.params,
                    headers=call.headers,
                    content=call.content,
                )
                return answers.check(response)
            except (httpx.TransportError, ApiError) as error:
                failures += 1
                too_often = failures > calls.RETRIES or not call.is_repeatable
                if too_often or not answers.may_try_again(error):
                    raise
                hint = error.retry_after if isinstance(error, ApiError) else None
            await asyncio.sleep(answers.pause(failures, hint))

    def _stream(self, call: calls.Call) -> Any:
        return self._http.stream(
            call.method, call.path, params=call.params, headers=call.headers, timeout=60.0
        )


async def _check_stream(response: httpx.Response) -> None:
    if not response.is_success:
        await response.aread()
        answers.check(response)
