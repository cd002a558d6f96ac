"""Command line: `python -m servicebus_emulator [--port 5672] [--queue NAME …]`.

Prints one line when ready, a connection string; everything else goes to stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from servicebus_emulator.command_line import parse_options
from servicebus_emulator.server.emulator import ServiceBusEmulator

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from servicebus_emulator.server.emulator import EmulatorOptions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; the exit code is 0 then, 1 when it could not start."""
    everything = sys.argv[1:] if arguments is None else arguments
    options = parse_options(everything, os.environ)  # noqa: TID251 - the emulator's own reader
    logging.basicConfig(
        stream=sys.stderr,
        level=options.log_level.upper(),
        format="%(levelname)s %(name)s: %(message)s",
    )
    allow_many_connections()
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
        "profile": options.profile,
        "data_dir": options.data_dir,
        "durability": options.durability,
    }
    if options.trace:
        wanted["trace"] = _say
    if options.idle_limits:
        from servicebus_emulator.nodes.idleness import IdleLimits  # noqa: PLC0415 (rarely wanted)

        wanted["idle_limits"] = IdleLimits()
    try:
        if options.config is not None:
            wanted["config"] = options.config.read_text(encoding="utf-8-sig")
        return ServiceBusEmulator(**wanted)
    except (OSError, ValueError) as error:
        from servicebus_emulator.server.data_file import DataFileError  # noqa: PLC0415 (rare)

        is_of_config = options.config is not None and not isinstance(error, DataFileError)
        source = f"{options.config}: " if is_of_config else ""
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
    """An event that SIGTERM and SIGINT set; on Windows Ctrl-Break does, Ctrl-C raises."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        signal.signal(signal.SIGBREAK, lambda *_: loop.call_soon_threadsafe(stopped.set))
    else:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
    return stopped


def allow_many_connections() -> None:
    """Raise the limit of open files to what the system allows: each client is one."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 (not on Windows)

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
