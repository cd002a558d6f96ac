"""The command line of the HTTP API: `python -m queue_app enqueue '{"order": 42}' --wait`.

    enqueue        send a job (its JSON as an argument, or - for standard input), or lines of jobs
    status         tell or await what became of a job
    logs           show the log of a task; -f follows it
    cancel         cancel a task
    dead-letters   list, show, requeue or delete what was given up
    queue          count messages
    new-key        make an API key, and its entry for API_KEYS

The API is at --url or $QUEUE_URL (http://127.0.0.1:8001); its key in --key-file or $QUEUE_KEY.
Exit code: 0, 1 when the job failed, 2 for wrong usage, 3 when the API refused or did not answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from queue_app.api_keys import SCOPES, ApiKeys, digest_of, new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from queue_app.client import Event, QueueClient

    MakeClient = Callable[[str, str | None], QueueClient]

_BAR = 30
_LETTERS_AT_ONCE = 1000  # the API takes no more


class Terminal:
    """What commands write: results to one stream, progress for people to the other."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._err = err
        self._has_bar = False

    def result(self, value: Any) -> None:
        """Write a result: text as it is, everything else as JSON."""
        self._clear()
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        self._out.write(f"{text}\n")

    def raw(self, text: str) -> None:
        """Write text without adding to it."""
        self._clear()
        self._out.write(text)
        self._out.flush()

    def note(self, text: str) -> None:
        """Tell a person something."""
        self._clear()
        self._err.write(f"{text}\n")

    def show(self, event: Event) -> None:
        """Show what happens to a job: a bar on a terminal, lines elsewhere."""
        match event.name:
            case "status":
                self.note(event.data["status"])
            case "progress":
                self._progress(event.data)
            case "log":
                self._clear()
                self._err.write(event.data["text"])

    def _progress(self, data: dict[str, Any]) -> None:
        done, total, message = data["done"], data["total"], data["message"]
        share = min(1.0, done / total) if total else 0.0
        count = f"{done:g}/{total:g}" if total else f"{done:g}"
        if not self._err.isatty():
            self._err.write(f"{count} {message}\n")
            return
        filled = round(share * _BAR)
        self._err.write(f"\r\x1b[K[{'#' * filled}{'.' * (_BAR - filled)}] {count} {message}")
        self._err.flush()
        self._has_bar = True

    def _clear(self) -> None:
        if self._has_bar:
            self._err.write("\r\x1b[K")
            self._has_bar = False


def main(
    arguments: Sequence[str] | None = None,
    *,
    make_client: MakeClient | None = None,
    terminal: Terminal | None = None,
) -> int:
    """Run a command; its exit code."""
    options = _parser().parse_args(arguments)
    terminal = terminal or Terminal(sys.stdout, sys.stderr)
    if options.command == "new-key":
        return _new_key(options, terminal)
    try:  # who only makes keys, on a server, does without
        import httpx  # noqa: PLC0415

        from queue_app.client import ApiError, QueueClient  # noqa: PLC0415
        from queue_app.settings import ClientSettings  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        terminal.note(
            f"This command needs {missing.name}, of the extra `client`: pip install '.[client]'"
        )
        return 2
    make_client = make_client or (lambda url, key: QueueClient(url, key=key))
    settings = ClientSettings.load()
    try:
        key = _read(options.key_file).strip() if options.key_file else settings.key
        with make_client(options.url or settings.queue_url, key) as client:
            code: int = options.run(options, client, terminal)
            return code
    except ApiError as error:
        terminal.note(f"The API refused: {error}")
    except httpx.HTTPError as error:
        terminal.note(f"The API did not answer: {error}")
    except KeyboardInterrupt:
        terminal.note("Stopped.")
    except (_UsageError, httpx.InvalidURL) as error:
        terminal.note(str(error))
        return 2
    return 3


def _enqueue(options: argparse.Namespace, client: QueueClient, terminal: Terminal) -> int:
    if options.lines:
        return _enqueue_lines(options, client, terminal)
    data = _parse(sys.stdin.read() if options.json == "-" else options.json)
    key = options.idempotency_key or ""
    task_id = client.enqueue(data, delay=options.delay, at=options.at, idempotency_key=key)
    if not options.wait:
        terminal.result(task_id)
        return 0
    terminal.note(task_id)
    return _follow(client, task_id, terminal)


def _enqueue_lines(options: argparse.Namespace, client: QueueClient, terminal: Terminal) -> int:
    text = sys.stdin.read() if options.json == "-" else _read(options.json)
    items = [_parse(line) for line in text.split("\n") if line.strip()]
    outcomes = client.enqueue_many(items, delay=options.delay, at=options.at)
    for outcome in outcomes:
        terminal.result(outcome if isinstance(outcome, str) else {"problem": outcome.members})
    return 0 if all(isinstance(outcome, str) for outcome in outcomes) else 1


def _status(options: argparse.Namespace, client: QueueClient, terminal: Terminal) -> int:
    if options.wait:
        return _follow(client, options.task_id, terminal)
    job = client.status(options.task_id)
    return _report({"task_id": job.task_id, "status": job.status, "result": job.result}, terminal)


def _follow(client: QueueClient, task_id: str, terminal: Terminal) -> int:
    for event in client.events(task_id):
        if event.name == "end":
            return _report(event.data, terminal)
        terminal.show(event)
    return 3


def _report(job: dict[str, Any], terminal: Terminal) -> int:
    terminal.result(job)
    return 1 if job["status"] == "FAILURE" else 0


def _logs(options: argparse.Namespace, client: QueueClient, terminal: Terminal) -> int:
    for text in client.log(options.task_id, follow=options.follow):
        terminal.raw(text)
    return 0


def _cancel(options: argparse.Namespace, client: QueueClient, terminal: Terminal) -> int:
    terminal.result(client.cancel(options.task_id).state)
    return 0


def _queue(_options: argparse.Namespace, client: QueueClient, terminal: Terminal) -> int:
    terminal.result(client.queue())
    return 0


def _dead_letters(options: argparse.Namespace, client: QueueClient, terminal: Terminal) -> int:
    if options.verb == "list":
        for letter in client.dead_letters():
            terminal.result(letter)
        return 0
    if options.verb == "show":
        for number in options.numbers:
            terminal.result(client.dead_letter(number))
        return 0
    if options.all == bool(options.numbers):
        terminal.note("Give sequence numbers, or --all.")
        return 2
    settle = client.requeue if options.verb == "requeue" else client.delete_dead_letters
    # All are those that are there now: one that fails again comes back under another number.
    numbers = options.numbers or [letter["sequence_number"] for letter in client.dead_letters()]
    done: list[int] = []
    missing: list[int] = []
    complete = True
    for start in range(0, len(numbers), _LETTERS_AT_ONCE):
        if start:
            terminal.note(f"{len(done)} of {len(numbers)} done.")
        settled = settle(numbers[start : start + _LETTERS_AT_ONCE])
        done += settled.done
        missing += settled.missing
        complete = complete and settled.complete
    terminal.result({"done": done, "missing": missing, "complete": complete})
    return 0 if not missing else 1


def _new_key(options: argparse.Namespace, terminal: Terminal) -> int:
    key = new_key()
    entry = f"{options.name}:{options.scopes}:{digest_of(key)}"
    try:
        ApiKeys.parse(entry)
    except ValueError:
        terminal.note(f"A name of A-Z a-z 0-9 _ . - and scopes of {', '.join(SCOPES)} joined by +.")
        return 2
    terminal.result(key)
    terminal.note(f"Keep it: it is shown only now. For API_KEYS:\n{entry}")
    return 0


class _UsageError(Exception):
    """What the person gave cannot be used."""


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _UsageError(f"{path} cannot be read: {error}") from None


def _parse(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise _UsageError(f"{text.strip()[:60]} is not JSON: {error}") from None


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise argparse.ArgumentTypeError("a time such as 2026-11-26T06:00:00Z is expected")
    return at


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m queue_app",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", help="where the API is")
    parser.add_argument("--key-file", help="a file that holds the API key")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    enqueue = commands.add_parser("enqueue", help="send a job")
    enqueue.add_argument("json", help="a JSON object; - for standard input; with --lines, a file")
    enqueue.add_argument("--lines", action="store_true", help="each line is a job")
    enqueue.add_argument("--wait", action="store_true", help="show it run, and its result")
    enqueue.add_argument("--delay", type=float, metavar="SECONDS", help="not before")
    enqueue.add_argument("--at", type=_moment, metavar="TIME", help="not before, RFC 3339")
    enqueue.add_argument("--idempotency-key", metavar="KEY", help="one is made when not given")
    enqueue.set_defaults(run=_enqueue)

    status = commands.add_parser("status", help="tell or await what became of a job")
    status.add_argument("task_id")
    status.add_argument("--wait", action="store_true", help="show it run, and its result")
    status.set_defaults(run=_status)

    logs = commands.add_parser("logs", help="show the log of a task")
    logs.add_argument("task_id")
    logs.add_argument("-f", "--follow", action="store_true", help="until the task has ended")
    logs.set_defaults(run=_logs)

    cancel = commands.add_parser("cancel", help="cancel a task")
    cancel.add_argument("task_id")
    cancel.set_defaults(run=_cancel)

    letters = commands.add_parser("dead-letters", help="what was given up")
    letters.add_argument("verb", choices=["list", "show", "requeue", "delete"])
    letters.add_argument("numbers", nargs="*", type=int, help="sequence numbers")
    letters.add_argument("--all", action="store_true")
    letters.set_defaults(run=_dead_letters)

    commands.add_parser("queue", help="count messages").set_defaults(run=_queue)

    key = commands.add_parser("new-key", help="make an API key")
    key.add_argument("name", help="whose it is")
    key.add_argument("scopes", help="such as enqueue+read")
    return parser


if __name__ == "__main__":
    sys.exit(main())
