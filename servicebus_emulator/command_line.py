"""The options of `python -m servicebus_emulator`, from arguments and from the environment.

Every option `--some-thing` is also read from `SERVICEBUS_EMULATOR_SOME_THING`; an argument wins.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from servicebus_emulator.broker.limits import PROFILES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PREFIX = "SERVICEBUS_EMULATOR_"
_LARGEST_PORT = 65_535
_NARROW = 78
_YES_OR_NO = {"1": True, "true": True, "yes": True, "on": True} | dict.fromkeys(
    ("", "0", "false", "no", "off"), False
)


def parse_options(arguments: Sequence[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """Read the options; a mistake ends the process with exit code 2 and one line that names it."""
    parser = _new_parser()
    options = argparse.Namespace()
    for variable, flag in parser.variables.items():
        if variable in environment:
            parser.source = variable
            parser.parse_args(parser.as_arguments(flag, environment[variable]), options)
    parser.source = None
    parser.parse_args(arguments, options)
    if options.durability is not None and options.data_dir is None:
        parser.error("argument --durability: there is nothing to keep without --data-dir")
    return options


class _Parser(argparse.ArgumentParser):
    """Knows the environment variable of each option.

    Attributes:
        variables: The options by the variables that they are read from.
        source: The variable that is being read, for messages; None for the command line.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_narrow, **settings)
        self.variables: dict[str, str] = {}
        self.source: str | None = None
        self._switches: set[str] = set()
        self._lists: set[str] = set()

    def option(self, flag: str, **settings: Any) -> None:
        """Add an option."""
        variable = _PREFIX + flag.removeprefix("--").replace("-", "_").upper()
        self.variables[variable] = flag
        action = settings.get("action")
        if action == "store_true":
            self._switches.add(flag)
        elif action == "append":
            self._lists.add(flag)
        settings["help"] += f" [{variable}]"
        self.add_argument(flag, **settings)

    def as_arguments(self, flag: str, value: str) -> list[str]:
        """What stands in a variable as arguments: yes or no, a list with commas, or one value."""
        if flag in self._switches:
            is_on = _YES_OR_NO.get(value.strip().lower())
            if is_on is None:
                self.error(f"argument {flag}: true or false is expected, not '{value}'")
            return [flag] if is_on else []
        if flag in self._lists:
            return [f"{flag}={part.strip()}" for part in value.split(",") if part.strip()]
        return [f"{flag}={value}"] if value else []

    def format_help(self) -> str:
        """The help, as wide as the terminal."""
        self.formatter_class = argparse.HelpFormatter
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        super().error(message if self.source is None else f"{self.source}: {message}")


def _narrow(prog: str) -> argparse.HelpFormatter:
    """The formatter that each option is tried with; to ask for the terminal's width is dear."""
    return argparse.HelpFormatter(prog, width=_NARROW)


def _new_parser() -> _Parser:
    parser = _Parser(
        prog="python -m servicebus_emulator",
        description="A Service Bus emulator: AMQP and HTTP, plain and TLS, on one port. "
        "Options are also read from the environment, as named in brackets.",
    )
    parser.option("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.option(
        "--port", type=_port, default=5672, help="port to listen on, 0 for a free one (%(default)s)"
    )
    parser.option(
        "--config", type=Path, metavar="FILE", help="a Config.json as the official emulator reads"
    )
    parser.option(
        "--queue",
        action="append",
        default=[],
        metavar="NAME",
        help="create a queue (repeatable; in the environment, with commas)",
    )
    parser.option(
        "--profile",
        choices=tuple(PROFILES),
        help="the quotas of the official emulator, of a tier of the cloud, or none at all",
    )
    parser.option(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        help="keep everything in a file there, so that it outlives the emulator",
    )
    parser.option(
        "--durability",
        choices=("process", "machine"),
        help="what an acknowledged message outlives there: the process, or a power failure, too "
        "(process)",
    )
    parser.option(
        "--certificate",
        type=Path,
        metavar="FILE",
        help="write the TLS certificate here, in PEM, for https clients to trust",
    )
    parser.option(
        "--idle-limits",
        action="store_true",
        help="detach idle links after 10 minutes, close connections without links after 5",
    )
    parser.option(
        "--trace",
        action="store_true",
        help="tell every AMQP frame on stderr, in readable form and without secrets",
    )
    parser.option(
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
