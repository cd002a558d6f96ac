"""What a request costs the API: processor time, and requests a second against the floor's."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks import http_server, worker
from benchmarks.brokers import ARQ, FLOOR, RABBITMQ, REDIS, STOCK, Broker
from benchmarks.draining import POOLS
from benchmarks.figures import OURS, Row
from benchmarks.idling import ApiClient
from benchmarks.processes import cpu_seconds
from benchmarks.servant import Servant
from harness.live import start_worker
from harness.waiting import wait_until

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from harness.processes import ManagedProcess

CONNECTIONS = 32
_BODY = json.dumps({"text": "x" * 187})  # 200 bytes
_FINISHED = 50
_SERVERS = {
    "h11": ("h11", "asyncio"),
    "httptools": ("httptools", "asyncio"),
    "httptools, uvloop": ("httptools", "uvloop"),
}
"""uvicorn's parsers and event loops, by the name in the table."""


class Server:
    """An API of one contender."""

    def __init__(self, process: ManagedProcess, port: int) -> None:
        self.process = process
        self.port = port

    def under(
        self, load: Servant, seconds: float, method: str, paths: list[str], body: str = ""
    ) -> dict[str, Any]:
        """Put it under load; what the generator says, and `server_cpu` seconds."""
        before = cpu_seconds(self.process.pid)
        answer = load.ask(
            do="load",
            port=self.port,
            method=method,
            paths=paths,
            body=body,
            connections=CONNECTIONS,
            seconds=seconds,
        )
        if answer["errors"]:
            raise RuntimeError(f"{self.process.name} answered {answer['errors']}")
        return answer | {"server_cpu": cpu_seconds(self.process.pid) - before}


def measure_enqueue(bench: Bench) -> list[Row]:
    """`POST /enqueue/` of 200 bytes over 32 connections, one uvicorn worker each."""
    what = f"POST /enqueue/ 200 B, {CONNECTIONS} connections"
    cost = Row(f"{what}: API CPU a request", "ms", FLOOR, "≤ 0.30 ms")
    rate = Row(f"{what}: requests a second", "req/s", FLOOR, "≥ 0.52 × floor, more than arq")
    late = Row(f"{what}: latency p95", "ms", FLOOR)
    generator = Row(f"{what}: CPU of the load generator a request", "ms", FLOOR)
    rows = [cost, rate, late, generator]
    bench.leave_out(rows, REDIS, RABBITMQ, ARQ)
    wanted: list[tuple[str, Broker | None]] = [(OURS, None), (FLOOR, None)]
    wanted += [(broker.name, broker) for broker in bench.brokers.named(STOCK, REDIS, RABBITMQ)]
    if ARQ not in bench.brokers.left_out:
        wanted += [(ARQ, broker) for broker in bench.brokers.named(REDIS)]
    with ExitStack() as cleanup:
        load = cleanup.enter_context(Servant("benchmarks.http_load"))
        servers = {
            name: _start(bench, cleanup, name, broker, bench.queue().name)
            for name, broker in wanted
        }
        for server in servers.values():
            server.under(load, 0.5, "POST", ["/enqueue/"], _BODY)
        for _ in bench.rounds():
            for name, server in servers.items():
                answer = server.under(load, bench.choose(2, 1), "POST", ["/enqueue/"], _BODY)
                count = answer["requests"]
                cost.add(name, answer["server_cpu"] / count * 1000)
                rate.add(name, count / answer["seconds"])
                late.add(name, answer["p95"])
                generator.add(name, answer["cpu"] / count * 1000)
    return rows


def measure_status(bench: Bench) -> list[Row]:
    """`GET /status/<id>` of finished tasks and of ids that nobody knows."""
    what = f"status of a finished task, {CONNECTIONS} connections"
    rate = Row(f"{what}: requests a second", "req/s", FLOOR, "≥ 4,000/s")
    cost = Row(f"{what}: API CPU a request", "ms", FLOOR)
    unknown = Row(f"status of unknown ids, {CONNECTIONS} connections", "req/s", FLOOR)
    lookup = Row(f"{unknown.title}: API CPU a request", "ms", FLOOR)
    one = Row(f"status of one unknown id, {CONNECTIONS} connections", "req/s", FLOOR)
    rows = [rate, cost, unknown, lookup, one]
    bench.leave_out(rows, REDIS)
    wanted: list[tuple[str, Broker | None]] = [(OURS, None), (FLOOR, None)]
    wanted += [(broker.name, broker) for broker in bench.brokers.named(REDIS)]
    with ExitStack() as cleanup:
        load = cleanup.enter_context(Servant("benchmarks.http_load"))
        servers: dict[str, Server] = {}
        paths: dict[str, list[str]] = {}
        for name, broker in wanted:
            queue = bench.queue().name
            servers[name] = _start(bench, cleanup, name, broker, queue)
            paths[name] = _finished(bench, servers[name], broker, queue)
        for _ in bench.rounds():
            for name, server in servers.items():
                seconds = bench.choose(2, 1)
                answer = server.under(load, seconds, "GET", paths[name])
                rate.add(name, answer["requests"] / answer["seconds"])
                cost.add(name, answer["server_cpu"] / answer["requests"] * 1000)
                strangers = [f"/status/{uuid.uuid4()}" for _ in range(1000)]
                answer = server.under(load, seconds, "GET", strangers)
                unknown.add(name, answer["requests"] / answer["seconds"])
                lookup.add(name, answer["server_cpu"] / answer["requests"] * 1000)
                answer = server.under(load, seconds, "GET", strangers[:1])
                one.add(name, answer["requests"] / answer["seconds"])
    return rows


def measure_server(bench: Bench) -> list[Row]:
    """The floor, and the product, served with each parser and event loop of uvicorn's."""
    load_of = {
        (FLOOR, "POST"): (["/enqueue/"], _BODY),
        (FLOOR, "GET"): ([f"/status/{uuid.uuid4()}"], ""),
        (OURS, "POST"): (["/enqueue/"], _BODY),
    }
    rows = {
        (name, method): (
            Row(f"{name}, {CONNECTIONS} connections: API CPU a {method}", "ms", "httptools"),
            Row(f"{name}, {CONNECTIONS} connections: {method} a second", "req/s", "httptools"),
        )
        for name, method in load_of
    }
    with ExitStack() as cleanup:
        load = cleanup.enter_context(Servant("benchmarks.http_load"))
        servers = {}
        for name in (FLOOR, OURS):
            for kind, (parser, loop) in _SERVERS.items():
                queue = bench.queue().name
                settings = bench.settings(queue)
                process, port = http_server.start(name, None, queue, settings, parser, loop)
                server = servers[name, kind] = Server(cleanup.enter_context(process), port)
                server.under(load, 0.5, "POST", ["/enqueue/"], _BODY)
        for _ in bench.rounds(5):
            for (name, method), (paths, body) in load_of.items():
                cost, rate = rows[name, method]
                for kind in _SERVERS:
                    server = servers[name, kind]
                    answer = server.under(load, bench.choose(2, 1), method, paths, body)
                    cost.add(kind, answer["server_cpu"] / answer["requests"] * 1000)
                    rate.add(kind, answer["requests"] / answer["seconds"])
    return [row for pair in rows.values() for row in pair]


def _start(
    bench: Bench, cleanup: ExitStack, name: str, broker: Broker | None, queue: str
) -> Server:
    process, port = http_server.start(name, broker, queue, bench.settings(queue))
    return Server(cleanup.enter_context(process), port)


def _finished(bench: Bench, server: Server, broker: Broker | None, queue: str) -> list[str]:
    """Let a worker finish some jobs; the paths of their statuses."""
    pool = POOLS["threads 8"]
    process = (
        worker.start(broker, queue, pool)
        if broker is not None
        else start_worker(bench.settings(queue), options=tuple(pool.split()))
    )
    client = ApiClient(server.port)
    with process:
        ids = [client.enqueue(number=number) for number in range(_FINISHED)]
        for task_id in ids:
            wait_until(
                lambda task_id=task_id: client.status(task_id) == "SUCCESS",  # type: ignore[misc]
                "SUCCESS",
                30,
            )
    return [f"/status/{task_id}" for task_id in ids]
