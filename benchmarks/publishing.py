"""How fast messages are published, each caller waiting until the broker has its own."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.bench import in_turn
from benchmarks.brokers import RABBITMQ, REDIS, STOCK
from benchmarks.figures import OURS, Row
from benchmarks.servant import Servant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.bench import Bench
    from benchmarks.brokers import Broker

_THREADS = {1: 100, 10: 300, 32: 320}
_TURNS, _ROUNDS = 4, 5
"""Many, and short: what else the machine does for a while is to hit all contenders alike."""

_QUICK_COUNT = 200
_CALLERS = 32
_TARGETS = {
    1: "never slower than stock",
    10: "≥ 1.5 × stock, over one connection",
    32: "≥ 1.5 × stock",
}


def measure(bench: Bench) -> list[Row]:
    """Publish with `delay()` from 1, 10 and 32 threads, and with the API's producer."""
    contenders = bench.brokers.named(OURS, STOCK, REDIS, RABBITMQ)
    rates = {
        threads: Row(f"publish with delay(), {threads} thread(s)", "msg/s", STOCK, target)
        for threads, target in _TARGETS.items()
    }
    cpu = Row("publish with delay(), 10 threads: publisher's CPU a message", "ms", STOCK)
    links = Row("publish with delay(), 10 threads: connections to the broker", "open", STOCK, "1")
    lean = Row(
        f"publish with the API's producer, {_CALLERS} concurrent callers",
        "msg/s",
        STOCK,
        "≥ 5 × stock's delay() from as many threads",
        note=f"{STOCK}: its delay() from 32 threads, measured in the same round",
    )
    rows = [*rates.values(), cpu, links, lean]
    bench.leave_out(rows[:-1], REDIS, RABBITMQ)
    with ExitStack() as cleanup:
        children = {
            broker.name: cleanup.enter_context(
                Servant("benchmarks.publisher", broker.as_argument(), bench.queue().name)
            )
            for broker in contenders
        }
        producer = cleanup.enter_context(
            Servant("benchmarks.product_publisher", settings=bench.settings(bench.queue().name))
        )
        for child in children.values():
            child.ask(do="publish", threads=32, count=320)
        producer.ask(do="publish", callers=_CALLERS, count=320)
        turns = bench.choose(_TURNS, 1)
        for number in bench.rounds(_ROUNDS):
            for threads, whole in _THREADS.items():
                count = bench.choose(whole, _QUICK_COUNT)
                for name, sums in _publish(children, contenders, number, turns, threads, count):
                    rates[threads].add(name, turns * count / sums["seconds"])
                    if threads == 10:  # noqa: PLR2004 - the row says so
                        cpu.add(name, sums["cpu"] / turns / count * 1000)
                        links.add(name, sums["connections"] / turns)
                    if threads == _CALLERS and name == STOCK:
                        lean.add(STOCK, turns * count / sums["seconds"])
            count = bench.choose(_TURNS * _THREADS[_CALLERS], 320)
            answer = producer.ask(do="publish", callers=_CALLERS, count=count)
            lean.add(OURS, count // _CALLERS * _CALLERS / answer["seconds"])
    return rows


def _publish(
    children: dict[str, Servant],
    contenders: list[Broker],
    number: int,
    turns: int,
    threads: int,
    count: int,
) -> Iterable[tuple[str, Counter[str]]]:
    """Let the contenders of a round publish in turn, so often; each one's answers, summed."""
    sums: dict[str, Counter[str]] = {broker.name: Counter() for broker in contenders}
    for turn in range(turns):
        for broker in in_turn(contenders, number + turn):
            answer = children[broker.name].ask(do="publish", threads=threads, count=count)
            sums[broker.name].update(answer)
    return sums.items()
