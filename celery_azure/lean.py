"""Writing a task's messages without Celery's machinery, byte for byte what it would have written.

Celery writes one message, once; what does not differ from task to task is kept from it. So what a
new version of Celery writes is what is written here, and the settings of the app hold.
Celery's signals about publishing are not sent.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kombu import Connection, Producer

from celery_azure.amqp.codec import encode, encode_list, encode_string, encode_symbol, pairs_to_map
from celery_azure.amqp.messages import FIRST_COPY, Received, encode_data, encode_scheduled
from celery_azure.envelope import EXTRA
from celery_azure.serializer import CONTENT_TYPE as PLAIN_JSON
from celery_azure.serializer import dumps
from celery_azure.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from celery import Celery

_ID = "00000000-0000-4000-8000-000000000000"
_NULL = b"\x40"
_HEADERS_OF_THE_ID = ("id", "root_id")


class _Recorder:
    """Stands where the namespace stands, and keeps what would have been sent."""

    def __init__(self) -> None:
        self.entity = ""
        self.payload = b""

    def publish(self, entity: str, payload: bytes, *timeouts: float) -> None:
        """Keep it."""
        del timeouts
        self.entity, self.payload = entity, payload


class TaskWriter:
    """Writes the messages of one task.

    Args:
        app: Whose settings hold; its `task_serializer` must be `plain-json`.
        name: The task's.
        options: Of `send_task`, the same for every message.

    Attributes:
        entity: The queue to which they go.

    Raises:
        ValueError: The app writes messages in another way.
    """

    def __init__(self, app: Celery, name: str, **options: Any) -> None:
        recorder = _record(app, name, options)
        received = Received(recorder.payload)
        if EXTRA not in received.properties or received.system_property(6) != PLAIN_JSON:
            raise ValueError("only native messages of plain JSON are written")
        self.entity = recorder.entity
        _, _, embedded = json.loads(received.body)
        self._tail = f",{dumps(embedded)}]".encode()
        self._system = [
            _field(received.system_property(3), encode_string),
            _field(received.system_property(4), encode_string),
            _field(received.system_property(6), encode_symbol),
            _field(received.system_property(7), encode_symbol),
        ]
        static = {
            key: value
            for key, value in received.properties.items()
            if key not in _HEADERS_OF_THE_ID
        }
        self._at_once = _pairs(static)
        extra = json.loads(static[EXTRA])
        extra.get("headers", {}).pop("eta", None)
        later = {**static, EXTRA: json.dumps(extra, separators=(",", ":"))}
        self._later = _pairs(later)
        self._usual, self._first = (
            self._sections(_ID, None, {}, is_first=is_first).split(_ID.encode())
            for is_first in (False, True)
        )

    def write(
        self,
        task_id: str,
        keywords: bytes,
        due_at: float | None = None,
        properties: Mapping[str, str] | None = None,
        *,
        is_first: bool = False,
    ) -> bytes:
        """Write a message.

        Args:
            task_id: The task's id.
            keywords: Its keyword arguments, as JSON in UTF-8.
            due_at: When it is to start, in seconds since 1970; None for at once.
            properties: Headers of this message alone, such as those of a trace.
            is_first: Whether nobody has sent a message of this task before. Of one that is to
                start later it is not told: when that comes at last, much may have happened.
        """
        if due_at is None and not properties and len(task_id) == len(_ID) and task_id.isascii():
            sections = task_id.encode().join(self._first if is_first else self._usual)
        else:
            is_first = is_first and due_at is None
            sections = self._sections(task_id, due_at, properties or {}, is_first=is_first)
        return sections + encode_data(b"".join((b"[[],", keywords, self._tail)))

    def _sections(
        self,
        task_id: str,
        due_at: float | None,
        properties: Mapping[str, str],
        *,
        is_first: bool,
    ) -> bytes:
        """All that stands before the body."""
        id_ = encode_string(task_id)
        subject, reply_to, content_type, encoding = self._system
        system = [id_, _NULL, _NULL, subject, reply_to, id_, content_type, encoding]
        content, count = self._at_once if due_at is None else self._later
        content += _ID_KEY + id_ + _ROOT_KEY + id_
        count += 4
        for name, value in properties.items():
            content += encode_string(name) + encode_string(value)
            count += 2
        if is_first:
            content += _FIRST_KEY
            count += 2
        head = b""
        if due_at is not None:
            eta = datetime.fromtimestamp(due_at, UTC).isoformat()
            content += _ETA_KEY + encode_string(eta)
            count += 2
            head = encode_scheduled(round(due_at * 1000))
        return b"".join(
            (
                head,
                b"\x00\x53\x73",
                encode_list(system),
                b"\x00\x53\x74",
                pairs_to_map(content, count),
            )
        )


_ID_KEY, _ROOT_KEY, _ETA_KEY = (encode_string(name) for name in ("id", "root_id", "eta"))
_FIRST_KEY = encode_string(FIRST_COPY) + encode(True)


def _field(value: Any, write: Callable[[str], bytes]) -> bytes:
    return _NULL if value is None else write(str(value))


def _pairs(properties: dict[str, Any]) -> tuple[bytes, int]:
    written = [encode(part) for pair in properties.items() for part in pair]
    return b"".join(written), len(written)


def _record(app: Celery, name: str, options: dict[str, Any]) -> _Recorder:
    """Let Celery write one message."""
    recorder = _Recorder()
    transport = type("RecordingTransport", (Transport,), {"namespace": recorder})
    connection = Connection(
        app.conf.broker_url,
        transport=transport,
        transport_options=app.conf.broker_transport_options,
    )
    channel = connection.channel()
    producer = Producer(channel, auto_declare=False)
    sending = {"task_id": _ID, "retry": False, "producer": producer, **options}
    # `app.tasks` would finalize the app, and so register what other apps share.
    task = app._tasks.get(name)  # noqa: SLF001
    if task is not None:
        task.apply_async(**sending)
    else:  # as the worker's app, which has the task, would have sent it
        sending.setdefault("ignore_result", bool(app.conf.task_ignore_result))
        app.send_task(name, **sending)
    return recorder
