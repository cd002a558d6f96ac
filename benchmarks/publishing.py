"""How fast messages are published, each caller waiting until the broker has its own."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.bench import in_turn
from benchmarks.brokers import RABBITMQ, REDIS, STOCK
from benchmarks.figures import OURS, Row
from benchmarks.servant import Servant

if TYPE_CHECKING:
    from benchmarks.bench import Bench

_THREADS = {1: 600, 10: 2000, 32: 2000}
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
        for number in bench.rounds():
            for threads, whole in _THREADS.items():
                count = bench.choose(whole, _QUICK_COUNT)
                for broker in in_turn(contenders, number):
                    answer = children[broker.name].ask(do="publish", threads=threads, count=count)
                    rates[threads].add(broker.name, count / answer["seconds"])
                    if threads == 10:  # noqa: PLR2004 - the row says so
                        cpu.add(broker.name, answer["cpu"] / count * 1000)
                        links.add(broker.name, answer["connections"])
                    if threads == _CALLERS and broker.name == STOCK:
                        lean.add(STOCK, count / answer["seconds"])
            count = bench.choose(_THREADS[_CALLERS], 320)
            answer = producer.ask(do="publish", callers=_CALLERS, count=count)
            lean.add(OURS, count // _CALLERS * _CALLERS / answer["seconds"])
    return rows
