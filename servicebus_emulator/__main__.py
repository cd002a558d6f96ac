"""Command line: `python -m servicebus_emulator [--port 5672] [--queue NAME …]`.

Prints one line when ready, a connection string; everything else goes to stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from servicebus_emulator.nodes.idleness import IdleLimits
from servicebus_emulator.server.emulator import ServiceBusEmulator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicebus_emulator.server.emulator import EmulatorOptions

_LARGEST_PORT = 65_535


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code is 0 then, 1 when it could not start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr,
        level=options.log_level.upper(),
        format="%(levelname)s %(name)s: %(message)s",
    )
    _allow_many_connections()
    try:
        asyncio.run(_serve(options))
    except KeyboardInterrupt:  # where signal handlers cannot be set, Ctrl-C arrives like this
        return 0
    except _CannotStartError as failure:
        sys.stderr.write(f"servicebus_emulator: {failure}\n")
        return 1
    return 0


class _CannotStartError(Exception):
    """One readable line about why there is no emulator."""


async def _serve(options: argparse.Namespace) -> None:
    emulator = _emulator(options)
    try:
        await emulator.start()
    except OSError as error:
        reason = error.strerror or str(error)
        raise _CannotStartError(
            f"cannot listen on {options.host} port {options.port}: {reason}"
        ) from error
    try:
        _write_certificate(emulator, options.certificate)
        stopped = _stop_signal()
        sys.stdout.write(emulator.connection_string + "\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await emulator.stop()


def _emulator(options: argparse.Namespace) -> ServiceBusEmulator:
    wanted: EmulatorOptions = {
        "host": options.host,
        "port": options.port,
        "queues": options.queue,
    }
    if options.trace:
        wanted["trace"] = _say
    if options.idle_limits:
        wanted["idle_limits"] = IdleLimits()
    try:
        if options.config is not None:
            wanted["config"] = options.config.read_text(encoding="utf-8-sig")
        return ServiceBusEmulator(**wanted)
    except (OSError, ValueError) as error:
        source = f"{options.config}: " if options.config is not None else ""
        raise _CannotStartError(f"{source}{error}") from error


def _say(line: str) -> None:
    """A line for whoever reads along."""
    sys.stderr.write(f"{line}\n")


def _write_certificate(emulator: ServiceBusEmulator, path: Path | None) -> None:
    if path is None:
        return
    from servicebus_emulator.server.certificate import (  # noqa: PLC0415 (most need no TLS)
        TlsUnavailableError,
    )

    try:
        emulator.write_certificate(path)
    except (OSError, TlsUnavailableError) as error:
        raise _CannotStartError(f"no certificate in {path}: {error}") from error


def _stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stopped.set)
    return stopped


def _allow_many_connections() -> None:
    """Raise the limit of open files to what the system allows: each client is one."""
    try:
        import resource  # noqa: PLC0415 (not on Windows)
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m servicebus_emulator",
        description="A Service Bus emulator: AMQP and HTTP, plain and TLS, on one port.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_port, default=5672, help="port to listen on, 0 for a free one (%(default)s)"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="a Config.json as the official emulator reads"
    )
    parser.add_argument(
        "--queue", action="append", default=[], metavar="NAME", help="create a queue (repeatable)"
    )
    parser.add_argument(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="write the TLS certificate here, in PEM, for https clients to trust",
    )
    parser.add_argument(
        "--idle-limits",
        action="store_true",
        help="detach idle links after 10 minutes, close connections without links after 5",
    )
    parser.add_argument(
        "--trace",
        action="store_true",
        help="tell every AMQP frame on stderr, in readable form and without secrets",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="what is told on stderr (%(default)s)",
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= _LARGEST_PORT):
        raise argparse.ArgumentTypeError(f"a number from 0 to {_LARGEST_PORT} is expected")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
