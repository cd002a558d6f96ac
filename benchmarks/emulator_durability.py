"""What it costs when the emulator keeps messages in a file: beside one that only remembers them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.emulator_cost import raw_sender
from benchmarks.figures import Row
from benchmarks.observer import QueueObserver
from benchmarks.processes import cpu_seconds
from benchmarks.raw_sender import BATCH
from benchmarks.servant import Servant
from harness.embedded import start_emulator

if TYPE_CHECKING:
    from benchmarks.bench import Bench

MEMORY = "in memory"
_BODY = 500


def measure(bench: Bench) -> list[Row]:
    """Send with and without a file, in batches and one by one; take one by one."""
    batches = Row("messages of 500 B taken in batches of 100, pipelined", "msg/s", MEMORY)
    single = Row("messages of 500 B sent one by one with the SDK", "msg/s", MEMORY)
    taken = Row("messages received and completed one by one with the SDK", "msg/s", MEMORY)
    cost = Row("emulator: CPU to send, receive and complete one message", "ms", MEMORY)
    kinds = {
        MEMORY: (),
        "outlives the process": ("process",),
        "outlives the machine": ("machine",),
    }
    with ExitStack() as cleanup:
        contenders = {
            name: _Contender(bench, cleanup, *durability) for name, durability in kinds.items()
        }
        for _ in bench.rounds():
            count = bench.choose(1500, 100)
            for name, each in contenders.items():
                batches.add(name, each.send_batches(bench.choose(300, 20)))
                before = cpu_seconds(each.pid)
                single.add(name, each.ask("send", count))
                taken.add(name, each.ask("receive", count))
                cost.add(name, (cpu_seconds(each.pid) - before) / count * 1000)
    batches.note = single.note = "a commit holds what one turn of the loop brings"
    return [batches, single, taken, cost]


class _Contender:
    """An emulator with its clients."""

    def __init__(self, bench: Bench, cleanup: ExitStack, durability: str = "") -> None:
        options: tuple[str, ...] = ()
        if durability:
            folder = bench.folder / f"data-{durability}"
            options = ("--data-dir", str(folder), "--durability", durability)
        process, endpoints = start_emulator(options=options)
        cleanup.enter_context(process)
        self.pid = process.pid
        QueueObserver(endpoints, "q")
        connection_string = endpoints.service_bus_connection_string
        self._sdk = cleanup.enter_context(Servant("benchmarks.sdk_client", connection_string, "q"))
        QueueObserver(endpoints, "batches")
        self._raw = cleanup.enter_context(raw_sender(endpoints, "batches"))
        self.ask("send", 50)
        self.ask("receive", 50)

    def ask(self, verb: str, count: int) -> float:
        """Messages a second."""
        return count / float(self._sdk.ask(do=verb, count=count)["seconds"])

    def send_batches(self, batches: int) -> float:
        """Messages a second."""
        answer = self._raw.ask(do="send_batches", batches=batches, body_bytes=_BODY)
        return batches * BATCH / float(answer["seconds"])
