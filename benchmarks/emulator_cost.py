"""What the emulator costs: a message against what the SDK spends on it, scale, memory."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from benchmarks.bare_loop import ROUND_TRIPS, bare_loop
from benchmarks.emulator_start import EMULATOR
from benchmarks.figures import Row
from benchmarks.handshake import open_connection
from benchmarks.observer import QueueObserver
from benchmarks.processes import cpu_seconds, resident_megabytes
from benchmarks.raw_sender import BATCH
from benchmarks.servant import Servant
from harness.admin import HttpAdmin
from harness.embedded import start_emulator
from servicebus_emulator.amqp.events import DeliveryReceived
from servicebus_emulator.amqp.message import BareMessage, Properties, encode_bare
from servicebus_emulator.amqp.performatives import RECEIVER, SENDER, Source, Target
from servicebus_emulator.nodes.queue_node import SESSION_FILTER
from tests.integration.emulator.raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.bench import Bench
    from harness.endpoints import Endpoints

SDK = "azure-servicebus"
_BARE = "bare event loop"
_BODY = 500
_PROBES = 300
_link_names = itertools.count()


def measure_messages(bench: Bench) -> list[Row]:
    """Send and receive with the SDK, and look at what either side spends."""
    third = "≤ 1/3 of the SDK's"
    rows = {
        "send": Row("CPU a message of 500 B sent one by one", "ms", SDK, third),
        "send_lists": Row("CPU a message of 500 B sent in lists of 100", "ms", SDK, third),
        "receive": Row("CPU a message of 500 B received and completed", "ms", SDK, third),
        "iterate": Row("CPU a message of 500 B iterated over and completed", "ms", SDK, third),
        "receive_lists": Row(
            "CPU a message of 500 B received in lists of 100 and completed", "ms", SDK, third
        ),
    }
    counts = {  # more are sent than received
        "send": 3000,
        "send_lists": 10_000,
        "receive": 3000,
        "iterate": 3000,
        "receive_lists": 3000,
    }
    raw = Row(
        "emulator: messages of 500 B taken in batches of 100 from one pipelined client",
        "msg/s",
        EMULATOR,
        "≥ 20,000/s",
    )
    with _emulator() as (pid, endpoints), ExitStack() as cleanup:
        QueueObserver(endpoints, "cost")
        connection_string = endpoints.service_bus_connection_string
        sdk = cleanup.enter_context(Servant("benchmarks.sdk_client", connection_string, "cost"))
        sender = cleanup.enter_context(raw_sender(endpoints, "cost"))
        bare = cleanup.enter_context(bare_loop())
        sdk.ask(do="send", count=100)
        sdk.ask(do="receive", count=100)
        for _ in bench.rounds():
            for verb, whole in counts.items():
                count = bench.choose(whole, whole // 10)
                before = cpu_seconds(pid)
                answer = sdk.ask(do=verb, count=count)
                rows[verb].add(EMULATOR, (cpu_seconds(pid) - before) / count * 1000)
                rows[verb].add(SDK, answer["cpu"] / count * 1000)
                if verb in ROUND_TRIPS:
                    before = cpu_seconds(bare.pid)
                    bare.exchange(verb, count, answer["seconds"])
                    rows[verb].add(_BARE, (cpu_seconds(bare.pid) - before) / count * 1000)
            batches = bench.choose(400, 50)
            answer = sender.ask(do="send_batches", batches=batches, body_bytes=_BODY)
            raw.add(EMULATOR, batches * BATCH / answer["seconds"])
    return [*rows.values(), raw]


def measure_backlog(bench: Bench) -> list[Row]:
    """Fill a queue, and at each size measure what one more message costs to send and to settle."""
    sizes = [1_000, 10_000, 100_000, 1_000_000] if not bench.quick else [1_000, 10_000]
    row = Row(
        "emulator: CPU to send, receive and complete one message, by backlog",
        "ms",
        f"{sizes[0]:,}",
        "flat",
    )
    memory = Row("emulator: resident memory a message of 100 B in a backlog", "B", EMULATOR)
    with _emulator() as (pid, endpoints), ExitStack() as cleanup:
        QueueObserver(endpoints, "backlog")
        sdk = cleanup.enter_context(
            Servant("benchmarks.sdk_client", endpoints.service_bus_connection_string, "backlog")
        )
        sender = cleanup.enter_context(raw_sender(endpoints, "backlog"))
        sdk.ask(do="send", count=50)
        sdk.ask(do="receive", count=50)
        empty, held = resident_megabytes(pid), 0
        for size in sizes:
            missing = (size - held) // BATCH
            sender.ask(do="send_batches", batches=missing, body_bytes=100)
            held = size
            for _ in bench.rounds():
                count = bench.choose(1500, _PROBES)
                before = cpu_seconds(pid)
                sdk.ask(do="send", count=count)
                sdk.ask(do="receive", count=count)
                row.add(f"{size:,}", (cpu_seconds(pid) - before) / count * 1000)
        memory.add(EMULATOR, (resident_megabytes(pid) - empty) * 2**20 / held)
        memory.note = f"with {held:,} messages"
    return [row, memory]


def measure_scale(bench: Bench) -> list[Row]:
    """Open many connections, links and queues, and see whether the next one costs the same."""
    rows = []
    with _emulator() as (pid, endpoints):
        port = _port(endpoints)
        row, memory = _scale_rows("connection", bench.choose(1000, 100))
        with ExitStack() as cleanup:
            wanted = bench.choose(1000, 100)
            _grow(pid, row, memory, wanted, lambda: cleanup.enter_context(open_connection(port)))
        rows += [row, memory]
    with _emulator() as (pid, endpoints), ExitStack() as cleanup:
        QueueObserver(endpoints, "links")
        wanted = bench.choose(10_000, 1000)
        row, memory = _scale_rows("link", wanted)
        clients = [cleanup.enter_context(RawClient(_port(endpoints))) for _ in range(50)]
        turn = iter(clients * (wanted // len(clients)))
        _grow(pid, row, memory, wanted, lambda: _open_link(next(turn), "links"))
        rows += [row, memory]
    with _emulator() as (pid, endpoints):
        wanted = bench.choose(1000, 100)
        row, memory = _scale_rows("queue", wanted)
        numbers = iter(range(wanted))
        _grow(pid, row, memory, wanted, lambda: QueueObserver(endpoints, f"queue-{next(numbers)}"))
        rows += [row, memory]
    return [*rows, _measure_sessions(bench)]


def _measure_sessions(bench: Bench) -> Row:
    """Send to one session and receive there, beside few and beside many receivers of others."""
    few, many = 10, bench.choose(1000, 100)
    row = Row(
        f"emulator: CPU to send and receive a message of a session, beside {many:,} receivers",
        "ms",
        f"beside {few}",
        "flat",
    )
    with _emulator() as (pid, endpoints), ExitStack() as cleanup:
        HttpAdmin(endpoints).create_queue("sessions", requires_session=True)
        receivers = cleanup.enter_context(RawClient(_port(endpoints)))
        client = cleanup.enter_context(RawClient(_port(endpoints)))
        sender = client.sender("sessions")
        _receive_session(client, "probe")
        message = encode_bare(BareMessage(Properties(group_id="probe"), data=[b"x" * 100]))
        held = 0
        for wanted in (few, many):
            for number in range(held, wanted):
                _receive_session(receivers, f"session-{number}")
            held = wanted
            for _ in bench.rounds():
                before = cpu_seconds(pid)
                for number in range(_PROBES):
                    sender.send(message, delivery_tag=number.to_bytes(4, "big"), settled=True)
                    client.wait_for(DeliveryReceived)
                    client.events.clear()
                row.add(f"beside {wanted:,}", (cpu_seconds(pid) - before) / _PROBES * 1000)
    return row


def _receive_session(client: RawClient, session: str) -> None:
    """Hold a session and wait for its messages."""
    source = Source("sessions", filter={SESSION_FILTER: session})
    link = client.session.attach(
        session, RECEIVER, source=source, target=Target("bench"), snd_settle_mode=1
    )
    client.until(lambda: link.attached)
    link.grant(100_000)
    client.flush()


def _scale_rows(what: str, wanted: int) -> tuple[Row, Row]:
    return (
        Row(f"emulator: CPU to open one more {what}, of {wanted:,}", "ms", "first tenth", "flat"),
        Row(f"emulator: resident memory a {what}", "KB", EMULATOR),
    )


def _grow(pid: int, row: Row, memory: Row, wanted: int, add: Callable[[], object]) -> None:
    """Add things one by one; cost of the first tenth and of the last, memory of each."""
    tenth = wanted // 10
    empty = resident_megabytes(pid)
    for number in range(10):
        before = cpu_seconds(pid)
        for _ in range(tenth):
            add()
        cost = (cpu_seconds(pid) - before) / tenth * 1000
        if number in (0, 9):
            row.add("first tenth" if not number else "last tenth", cost)
    memory.add(EMULATOR, (resident_megabytes(pid) - empty) * 1024 / wanted)


@contextmanager
def _emulator() -> Iterator[tuple[int, Endpoints]]:
    """An emulator of its own, so that what others have left in it does not count."""
    process, endpoints = start_emulator()
    with process:
        yield process.pid, endpoints


def raw_sender(endpoints: Endpoints, queue: str) -> Servant:
    """A pipelined client that sends batches to a queue."""
    return Servant("benchmarks.raw_sender", str(_port(endpoints)), queue)


def _open_link(client: RawClient, queue: str) -> None:
    name = str(next(_link_names))
    link = client.session.attach(name, SENDER, source=Source("bench"), target=Target(queue))
    client.until(lambda: link.credit > 0)


def _port(endpoints: Endpoints) -> int:
    return int(endpoints.namespace.rpartition(":")[2])
