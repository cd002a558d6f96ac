"""Starts as the official emulator does, or fails in one of its ways: see FAULT."""

import asyncio
import os
import socket
import stat
import sys
from pathlib import Path

from servicebus_emulator import ServiceBusEmulator

CONFIG = Path("/ServiceBus_Emulator/ConfigFiles/Config.json")
FAULT = os.environ.get("STAND_IN_FAULT", "")


def check_what_the_official_one_needs() -> None:
    assert os.environ["ACCEPT_EULA"] == "Y"
    assert os.environ["MSSQL_SA_PASSWORD"]
    assert os.environ["SQL_WAIT_INTERVAL"] == "0"
    assert stat.S_IMODE(CONFIG.stat().st_mode) == 0o644
    socket.getaddrinfo(os.environ["SQL_SERVER"], 1433)


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def forward(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy what goes to the port, and what comes back."""
    their_reader, their_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(copy(reader, their_writer), copy(their_reader, writer))


async def main() -> None:
    check_what_the_official_one_needs()
    if FAULT == "ends":
        sys.exit("no database")
    port = 5673 if FAULT == "takes no messages" else 5672
    options = {"host": "0.0.0.0", "port": port, "config": CONFIG.read_text()}
    async with ServiceBusEmulator(**options):  # type: ignore[arg-type] # a stand-in may be loose
        http_port = int(os.environ["EMULATOR_HTTP_PORT"])
        health = await asyncio.start_server(
            lambda reader, writer: forward(port, reader, writer),
            "0.0.0.0",
            http_port,
        )
        if FAULT != "says nothing":
            sys.stdout.write("Emulator Service is Successfully Up!\n")
        await health.serve_forever()


asyncio.run(main())
