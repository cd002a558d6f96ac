"""A worker whose pool is gevent's: the transport's thread is a greenlet there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery import group

from tests.integration.canvas import running_canvas, settings_on

if TYPE_CHECKING:
    from pathlib import Path

    from harness.stack import Stack

SECONDS = 60.0
AT_ONCE = 20


def test_twenty_tasks_wait_at_once_and_each_result_comes(stack: Stack, tmp_path: Path) -> None:
    options = "--pool=gevent", f"--concurrency={AT_ONCE}"
    settings = settings_on(stack) | {"REMOTE_CONTROL": "true"}  # a greenlet of its own listens
    with running_canvas(settings, tmp_path, *options) as canvas:
        done = tmp_path / "done"
        talking = group(canvas.tasks.talk.s(1, str(done)) for _ in range(AT_ONCE)).apply_async()
        for number in range(AT_ONCE):
            canvas.worker.wait_for_line(rf"talk\[{talking.results[number].id}\] received")
        chained = canvas.tasks.add.s(1, 2) | canvas.tasks.add.s(3)
        done.touch()
        talking.get(timeout=SECONDS, interval=0.05)
        assert chained.delay().get(timeout=SECONDS, interval=0.05) == 6
        canvas.worker.terminate()
        assert canvas.worker.wait() == 0
        assert "Traceback" not in canvas.worker.output
