"""Idempotency keys: the same key and the same body give the same task, whichever process is asked.

A key is reserved by a blob that only one request can create (If-None-Match). The reservation names
the task before it is sent, so whoever finds it can send the task again under the same id:

    absent ──create──▶ reserved ──the broker has accepted──▶ confirmed
                          └──the first request has died──▶ taken over, sent again, confirmed

A request that finds a fresh reservation waits for its confirmation. The draft of the header is
https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from queue_app.blob_store import BlobStore, ConflictError, StoredBlob
from queue_app.errors import IdempotencyKeyInUse, IdempotencyKeyReused, Unavailable
from queue_app.payload import encode_json
from queue_app.producer import Payload, Producer

PREFIX = "idempotency/"
"""Reservations are the blobs below it."""

_TAKE_OVER_SECONDS = 6.0  # longer than any request waits for the broker
_WAIT_SECONDS = 4.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Enqueued:
    """A task, and whether an earlier request had enqueued it."""

    task_id: str
    is_replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Reservation:
    task_id: str
    fingerprint: str
    reserved_at: float
    tried_at: float
    is_confirmed: bool = False

    @classmethod
    def parse(cls, content: bytes) -> Self:
        return cls(**json.loads(content))

    def encode(self) -> bytes:
        return encode_json(asdict(self))


class IdempotentProducer:
    """Enqueues each key once.

    Args:
        producer: sends.
        blobs: keeps the reservations.
        now: the time, in seconds since 1970; processes may differ by a second or two.
        lifetime: how long a key is known, in seconds.
        pause: sleeps; a test gives one that does not.
    """

    def __init__(
        self,
        producer: Producer,
        blobs: BlobStore,
        now: Callable[[], float],
        lifetime: float,
        pause: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._producer = producer
        self._blobs = blobs
        self._now = now
        self._lifetime = lifetime
        self._pause = pause

    async def enqueue(
        self, key: str, payload: Payload, *, due_at: float | None = None, schedule: str = ""
    ) -> Enqueued:
        """Send a job unless the key has been used for it; the task either way.

        Args:
            key: chosen by the client, together with whatever parts clients from each other.
            payload: the job.
            due_at: not to be started before, in seconds since 1970.
            schedule: how the client said that, which is part of what must be equal.

        Raises:
            IdempotencyKeyReused: the key was used for another job.
            IdempotencyKeyInUse: another request with this key does not come to an end.
            Unavailable: broker or storage did not answer; the same key may be tried again.
        """
        name = PREFIX + hashlib.sha256(key.encode()).hexdigest()
        fingerprint = _fingerprint(payload, schedule)
        give_up_at = self._now() + _WAIT_SECONDS
        stored: StoredBlob | None = None  # most keys are new: reserve first, read upon conflict
        reservation: _Reservation | None = self._reserve(fingerprint)
        while True:
            if reservation is not None:
                with contextlib.suppress(ConflictError):
                    stored = await self._blobs.replace(name, reservation.encode(), stored)
                    return await self._send(name, stored, reservation, payload, due_at)
            stored = await self._blobs.read(name)
            found = None if stored is None else _Reservation.parse(stored.content)
            now = self._now()
            if found is None or now - found.reserved_at > self._lifetime:
                reservation = self._reserve(fingerprint)
            elif found.fingerprint != fingerprint:
                raise IdempotencyKeyReused
            elif found.is_confirmed:
                return Enqueued(found.task_id, is_replayed=True)
            elif now - found.tried_at > _TAKE_OVER_SECONDS:
                reservation = replace(found, tried_at=now)
            elif now > give_up_at:
                raise IdempotencyKeyInUse
            else:
                await self._pause(_LOOK_SECONDS)
                reservation = None

    def _reserve(self, fingerprint: str) -> _Reservation:
        now = self._now()
        return _Reservation(self._producer.ids.new(), fingerprint, now, now)

    async def _send(
        self,
        name: str,
        stored: StoredBlob,
        reservation: _Reservation,
        payload: Payload,
        due_at: float | None,
    ) -> Enqueued:
        try:
            await self._producer.enqueue(payload, task_id=reservation.task_id, due_at=due_at)
        except Unavailable:
            # The next request with this key need not wait: it sends again, under the same id.
            await self._note(name, stored, replace(reservation, tried_at=0.0))
            raise
        # Unconfirmed, a later request would send once more, and the worker would leave it alone.
        await self._note(name, stored, replace(reservation, is_confirmed=True))
        return Enqueued(reservation.task_id)

    async def _note(self, name: str, stored: StoredBlob, reservation: _Reservation) -> None:
        with contextlib.suppress(ConflictError, Unavailable):
            await self._blobs.replace(name, reservation.encode(), stored)


def _fingerprint(payload: Payload, schedule: str) -> str:
    digest = hashlib.sha256(encode_json(payload.data))
    digest.update(b"\n" + schedule.encode())
    return digest.hexdigest()
