"""Answers of the storage that get lost after it has done what was asked."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING, Self

import pytest
from celery import Celery, states

from celery_azure.blobs import BlobContainer, Patience
from celery_azure.connection import parse_blob_account
from celery_azure.log_writer import append_to_log
from celery_azure.results import BlobBackend
from celery_azure.serializer import NAME, register_plain_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.pytest_plugin import BlobStorage

PATIENCE = Patience(first_wait=0.001, longest_wait=0.01)
LOST = 3  # of the answers each third


class ForgetfulLine:
    """Forwards connections to a port of this machine, and cuts each third answer off."""

    def __init__(self, port: int) -> None:
        self.lost = 0
        self._target = port
        self._answers = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        number: int = self._door.getsockname()[1]
        return number

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._forward, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _forward(self, client: socket.socket) -> None:
        with (
            contextlib.suppress(ConnectionError),  # either end may hang up whenever it likes
            client,
            socket.create_connection(("127.0.0.1", self._target)) as service,
        ):
            was_asked = False
            while True:
                for ready in select.select([client, service], [], [])[0]:
                    data = ready.recv(65_536)
                    if not data:
                        return
                    if ready is client:
                        was_asked = True
                        service.sendall(data)
                        continue
                    if was_asked and self._loses():
                        return
                    was_asked = False
                    client.sendall(data)

    def _loses(self) -> bool:
        self._answers += 1
        if self._answers % LOST:
            return False
        self.lost += 1
        return True


@pytest.fixture
def blobs(blob_storage: BlobStorage) -> Iterator[BlobContainer]:
    """The container over a good line."""
    account = parse_blob_account(blob_storage.connection_string)
    blobs = BlobContainer(account, blob_storage.unique_container(), PATIENCE)
    yield blobs
    blobs.close()


@pytest.fixture
def line(blob_storage: BlobStorage) -> Iterator[ForgetfulLine]:
    _, _, rest = blob_storage.connection_string.partition("127.0.0.1:")
    with ForgetfulLine(int(rest.partition("/")[0])) as line:
        yield line


@pytest.fixture
def forgetful(line: ForgetfulLine, blob_storage: BlobStorage) -> str:
    """A connection string for the bad line."""
    _, _, rest = blob_storage.connection_string.partition("127.0.0.1:")
    port = rest.partition("/")[0]
    return blob_storage.connection_string.replace(f":{port}/", f":{line.port}/")


def test_states_are_stored_and_no_end_is_undone(
    blobs: BlobContainer, line: ForgetfulLine, forgetful: str
) -> None:
    register_plain_json()
    app = Celery("test", set_as_current=False)
    app.conf.update(
        result_serializer=NAME,
        accept_content=[NAME],
        result_backend_transport_options={
            "account": forgetful,
            "container": blobs.name,
            "patience": PATIENCE,
            "started_after": 0,
        },
    )
    backend = BlobBackend(app=app)
    backend._started_blobs = backend._blobs  # starts are to be stored in any case
    expected = {}
    for number in range(20):
        task_id = f"task-{number}"
        backend.store_result(task_id, None, states.STARTED)
        expected[task_id] = states.STARTED
        if number % 4:
            has_failed = number % 4 == 1
            ended = states.FAILURE if has_failed else states.SUCCESS
            backend.store_result(task_id, ValueError("x") if has_failed else number, ended)
            backend.store_result(task_id, None, states.STARTED)  # a late one
            expected[task_id] = ended
    backend.close()

    stored = {task_id: blobs.read(f"celery-task-meta-{task_id}") for task_id in expected}
    found = {
        task_id: blob and backend.decode(blob.content)["status"] for task_id, blob in stored.items()
    }
    assert found == expected
    assert line.lost > 10


def test_a_log_has_each_line_once_and_in_order(
    blobs: BlobContainer, line: ForgetfulLine, forgetful: str
) -> None:
    unreliable = BlobContainer(parse_blob_account(forgetful), blobs.name, PATIENCE)
    lines = [b"line %d\n" % number for number in range(40)]
    position: int | None = None
    for text in lines:
        position = append_to_log(unreliable, "logs/1.log", text, position)
    unreliable.close()

    found = blobs.read("logs/1.log")
    assert found is not None
    assert found.content == b"".join(lines)
    assert line.lost > 10
