"""Lets a prefork pool work, and prints what came of it: `python -m ... MODULE:CLASS`.

The pool has an event loop of kombu's and nothing else of a worker, so that its children can be
given what a worker would seldom meet: large tasks and results, children that die, a pool that
grows and shrinks.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from typing import Any

from celery import Celery
from celery.utils.imports import symbol_by_name
from kombu.asynchronous import Hub

from harness.waiting import wait_until

SIZES = (0, 10, 3900, 4096, 5000, 65_532, 65_536, 70_000, 300_000, 1_500_000)


def echo(number: int, data: bytes, size: int) -> tuple[int, str, bytes]:
    """Tell what has arrived, at some length."""
    return number, hashlib.sha256(data).hexdigest(), b"r" * size


def die() -> None:
    """End the child, as the kernel might."""
    os._exit(3)


def fail() -> None:
    """Fail."""
    raise ValueError("as it should")


def slow(seconds: float) -> float:
    """Take time."""
    time.sleep(seconds)  # noqa: TID251 - there is nothing to wait for, it is to be interrupted
    return seconds


class Run:
    """A pool of two children, and what it told."""

    def __init__(self, pool: str, **options: Any) -> None:
        self.hub = Hub()
        self.accepted: list[int] = []
        self.ended: dict[int, str] = {}
        app = Celery("pool", broker="memory://")
        self.pool = symbol_by_name(pool)(
            2,
            app=app,
            forking_enable=True,
            threads=False,
            putlocks=False,
            initargs=(app, "here"),
            **options,
        )
        self.pool.start()
        self.pool.register_with_event_loop(self.hub)
        self.loop = self.hub.create_loop()

    def give(self, number: int, function: Any, *arguments: Any, **options: Any) -> None:
        """Let a child call a function."""

        def success(value: Any) -> None:
            _, result, _ = value if isinstance(value, tuple) else (0, repr(value), 0)
            self.ended[number] = f"{result} {len(value[2])}" if isinstance(value, tuple) else result

        def failure(info: Any) -> None:
            self.ended[number] = info.type.__name__

        self.pool.apply_async(
            function,
            arguments,
            callback=success,
            error_callback=failure,
            accept_callback=lambda *_: self.accepted.append(number),
            **options,
        )

    def until(self, count: int) -> None:
        """Let the event loop run until so many tasks have ended."""

        def turn() -> bool:
            next(self.loop)
            return len(self.ended) >= count

        wait_until(turn, f"the end of {count} tasks", timeout=60, interval=0)


def main(pool: str) -> None:
    """Let it work."""
    run = Run(pool, maxtasksperchild=60)
    number = 0
    for size in SIZES:
        for answer in SIZES:
            run.give(number, echo, number, bytes([number]) * size, answer)
            number += 1
    run.until(number)
    for function, options in ((fail, {}), (slow, {"timeout": 0.2}), (die, {}), (fail, {})):
        arguments = (30,) if function is slow else ()
        run.give(number, function, *arguments, **options)
        number += 1
        run.until(number)
    run.pool.grow(1)
    for _ in range(60):
        run.give(number, echo, number, b"", 1)
        number += 1
    run.until(number)
    run.pool.shrink(1)
    for _ in range(60):
        run.give(number, echo, number, b"", 1)
        number += 1
    run.until(number)
    run.pool.stop()
    json.dump({"accepted": sorted(run.accepted), "ended": sorted(run.ended.items())}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
