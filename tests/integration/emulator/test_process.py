"""The emulator as a process: what a shell, a container or a test harness sees of it."""

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from azure.servicebus import ServiceBusClient
from azure.servicebus.management import ServiceBusAdministrationClient

from benchmarks.handshake import open_connection

PATIENCE = 60.0
RARELY_NEEDED = {
    *("hashlib", "hmac", "html", "json", "shutil", "sqlite3", "xml"),
    "servicebus_emulator.broker.sql.expressions",
    "servicebus_emulator.broker.sql.parser",
    "servicebus_emulator.control.faults",
    "servicebus_emulator.nodes.idleness",
    "servicebus_emulator.nodes.management_node",
    "servicebus_emulator.server.certificate",
    "servicebus_emulator.server.data_file",
    "servicebus_emulator.server.http_door",
    "servicebus_emulator.server.threaded",
    "servicebus_emulator.server.tls",
}


class Emulator:
    """A running `python -m servicebus_emulator --port 0`, ready."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        assert process.stdout is not None
        self.line = process.stdout.readline()
        assert self.line, "it ended before it was ready"
        self.connection_string = self.line.rstrip("\n")
        self.port = int(self.line.split(";")[0].rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit code, and what else was printed on stdout."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, rest


def command(*arguments: str, interpreter: tuple[str, ...] = ()) -> list[str]:
    return [sys.executable, *interpreter, "-m", "servicebus_emulator", *arguments]


@contextlib.contextmanager
def running(
    *arguments: str,
    stderr: "int | BinaryIO" = subprocess.DEVNULL,
    interpreter: tuple[str, ...] = (),
) -> Iterator[Emulator]:
    process = subprocess.Popen(  # noqa: S603 (this interpreter, arguments of these tests)
        command("--port", "0", *arguments, interpreter=interpreter),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    with process:
        try:
            yield Emulator(process)
        finally:
            process.kill()


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 (this interpreter, arguments of these tests)
        command(*arguments), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def failure(*arguments: str) -> list[str]:
    """The lines on stderr of a start that fails with exit code 1 and says nothing on stdout."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.splitlines()


def test_it_prints_one_line_when_it_is_ready_and_that_is_a_connection_string() -> None:
    with running() as emulator:
        emulator.connect().close()
        code, rest = emulator.stop()

    assert emulator.line == (
        f"Endpoint=sb://127.0.0.1:{emulator.port};"
        "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;"
        "UseDevelopmentEmulator=true;\n"
    )
    assert rest == ""
    if sys.platform != "win32":  # SIGTERM asks nobody there
        assert code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="asyncio imports more of it there")
def test_a_start_and_an_open_import_nothing_that_few_clients_need(tmp_path: Path) -> None:
    told = tmp_path / "stderr"
    with (
        told.open("wb") as stderr,
        running(stderr=stderr, interpreter=("-X", "importtime")) as emulator,
        open_connection(emulator.port),
    ):
        emulator.stop()
    lines = told.read_text(encoding="utf-8").splitlines()
    imported = {line.rpartition("|")[2].strip() for line in lines}

    assert "servicebus_emulator.amqp.connection" in imported
    assert imported.isdisjoint(RARELY_NEEDED)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_though_clients_are_connected(
    number: int,
) -> None:
    with running() as emulator, contextlib.ExitStack() as sockets:
        for first_bytes in (b"", b"AMQP\x00\x01\x00\x00", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01"):
            client = sockets.enter_context(emulator.connect())
            client.sendall(first_bytes)
        emulator.process.send_signal(number)

        assert emulator.process.wait(timeout=PATIENCE) == 0


def test_the_queues_that_were_named_are_there() -> None:
    with (
        running("--queue", "one", "--queue", "two") as emulator,
        ServiceBusClient.from_connection_string(emulator.connection_string) as client,
        client.get_queue_receiver("one") as one,
        client.get_queue_receiver("two") as two,
    ):
        assert one.peek_messages() == two.peek_messages() == []


def test_the_queues_of_a_configuration_are_there_and_the_certificate_is_written(
    tmp_path: Path,
) -> None:
    certificate, config = tmp_path / "emulator.pem", tmp_path / "Config.json"
    properties = {"LockDuration": "PT7S", "MaxDeliveryCount": 4}
    queues = [{"Name": "orders", "Properties": properties}]
    namespace = {"Name": "sbemulatorns", "Queues": queues}
    config.write_text(json.dumps({"UserConfig": {"Namespaces": [namespace]}}))
    with (
        running("--config", str(config), "--certificate", str(certificate)) as emulator,
        ServiceBusAdministrationClient.from_connection_string(
            emulator.connection_string, connection_verify=str(certificate)
        ) as admin,
    ):
        orders = admin.get_queue("orders")

    assert (orders.lock_duration, orders.max_delivery_count) == (timedelta(seconds=7), 4)


def test_a_port_that_is_taken_is_one_readable_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        [line] = failure("--port", port)

    assert f"cannot listen on 127.0.0.1 port {port}" in line
    assert "in use" in line or "Only one usage" in line  # on Windows


def test_a_configuration_that_is_not_there_is_one_readable_line(tmp_path: Path) -> None:
    [line] = failure("--port", "0", "--config", str(tmp_path / "none.json"))

    assert "none.json" in line


def test_a_broken_configuration_is_one_readable_line(tmp_path: Path) -> None:
    config = tmp_path / "Config.json"
    config.write_text('{"UserConfig": {')
    [line] = failure("--port", "0", "--config", str(config))

    assert "Config.json" in line
    assert "line 1" in line


def test_a_certificate_that_cannot_be_written_is_one_readable_line(tmp_path: Path) -> None:
    [line] = failure("--port", "0", "--certificate", str(tmp_path / "no" / "folder.pem"))

    assert "folder.pem" in line


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_what_is_no_port_is_refused(port: str) -> None:
    done = run("--port", port)

    assert done.returncode == 2
    assert "--port" in done.stderr.splitlines()[-1]


def test_frames_are_told_on_stderr_when_asked_for(tmp_path: Path) -> None:
    told = tmp_path / "stderr"
    with told.open("wb") as errors, running("--trace", stderr=errors) as emulator:
        with emulator.connect() as client:
            client.sendall(b"AMQP\x03\x01\x00\x00")
            client.recv(1)
        emulator.stop()

    assert "→ header SASL 1.0.0" in told.read_text(encoding="utf-8")
