"""An HTTP service that says what a test wants, connection by connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

CLOSE = b""
"""Instead of an answer: end the connection."""


class ScriptedService:
    """Answers the n-th request of the n-th connection with what its script says.

    `requests` holds the first line of each request; silence follows the end of a script, and the
    end of the connection an answer that announces it.
    """

    def __init__(self, *scripts: list[bytes]) -> None:
        self.requests: list[str] = []
        self._scripts = scripts
        self._door = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def connection_string(self) -> str:
        """For a Blob client."""
        port = self._door.getsockname()[1]
        return f"AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:{port}/a;"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._thread.join(10)
        for connection in self._open:
            connection.close()

    def _serve(self) -> None:
        for script in self._scripts:
            try:
                connection, _ = self._door.accept()
            except OSError:
                return
            self._open.append(connection)
            with contextlib.suppress(ConnectionError):  # a client may give up before it has read
                self._answer(connection, script)

    def _answer(self, connection: socket.socket, script: list[bytes]) -> None:
        for answer in script:
            if not self._read_request(connection):
                break
            if answer == CLOSE:
                connection.close()
                break
            connection.sendall(answer)
            if b"\r\nConnection: close\r\n" in answer:
                connection.close()
                break

    def _read_request(self, connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            received = connection.recv(65_536)
            if not received:
                return False
            data += received
        head, _, body = data.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b": ")
            while name == b"content-length" and len(body) < int(value):
                body += connection.recv(65_536)
        self.requests.append(head.split(b"\r\n")[0].decode())
        return True
