"""How a Celery worker ends at once when it is told to, with nothing left undone.

Celery looks whether it is to stop when a wait is over, and that may be seconds after the signal:
so the signal wakes whoever waits for messages. The children of a prefork pool stay for a second
each, until their parent reads that they end, which Celery's does only while something runs: so the
event loop runs on until they have gone, and leaves nothing that Celery would wait for. And what
was loaded before the children are forked is not looked at by the garbage collector any more,
which saves each fork and the end of the process a walk through all of it.
"""

from __future__ import annotations

import gc
import sys
import weakref
from typing import TYPE_CHECKING, Any

from celery.bootsteps import StartStopStep
from celery.signals import celeryd_after_setup, worker_init, worker_shutting_down
from kombu.asynchronous import set_event_loop
from kombu.log import get_logger

if TYPE_CHECKING:
    from celery_azure.feed import Feed

logger = get_logger(__name__)

DRIVER_NAME = "celery_azure"
"""What the transport calls itself."""

_LOOK_SECONDS = 0.05

_feeds: weakref.WeakValueDictionary[int, Feed] = weakref.WeakValueDictionary()


def wake_to_stop(feed: Feed) -> None:
    """Let whoever waits for a feed wake up when the worker is told to stop."""
    _feeds[id(feed)] = feed


def is_worker_stopping() -> bool:
    """Whether this process is a worker that was told to stop."""
    state = sys.modules.get("celery.worker.state")
    if state is None:
        return False
    stop, terminate = state.should_stop, state.should_terminate
    # What else they are is an exit code, and that of success is 0.
    return not ((stop is None or stop is False) and (terminate is None or terminate is False))


def end_children(pool: Any, hub: Any) -> None:
    """Tell the children of a pool to end, and let the event loop run until they have.

    What they run is finished before, and the loop takes its result as it always does.

    Args:
        pool: The pool that Celery's prefork pool has inside; used of it are its children (`_pool`),
            the jobs that run (`_cache`), and `_stop_task_handler`, which tells the children.
        hub: The worker's event loop.
    """
    pool._stop_task_handler(pool._task_handler)  # noqa: SLF001
    # That a child ends is an event; but then it takes a moment until it is seen to have gone.
    look_again = hub.call_repeatedly(_LOOK_SECONDS, lambda: None)
    while any(child.is_alive() for child in pool._pool):  # noqa: SLF001
        hub.run_once()
    look_again.cancel()
    if not pool._cache:  # noqa: SLF001
        logger.debug("The pool's processes have ended.")
        set_event_loop(None)  # with one, Celery would look after it for another half second


class EndChildren(StartStopStep):  # type: ignore[misc] # celery publishes no types
    """A worker's step that is stopped after the consumer and before the pool."""

    requires = ("celery.worker.components:Pool",)

    def stop(self, worker: Any) -> None:
        """End the children of a prefork pool; other pools have none.

        Should Celery's pool have changed inside, it ends as slowly as it does without this.
        """
        pool = getattr(worker.pool, "_pool", None)
        if hasattr(pool, "_stop_task_handler"):
            end_children(pool, worker.hub)


def _is_ours(worker: Any) -> bool:
    transport = worker.app.connection_for_read().get_transport_cls()
    return bool(transport.driver_name == DRIVER_NAME)


@worker_init.connect  # type: ignore[untyped-decorator] # celery publishes no types
def _add_step(sender: Any, **_: Any) -> None:
    if sender.use_eventloop and _is_ours(sender):
        sender.app.steps["worker"].add(EndChildren)


@celeryd_after_setup.connect  # type: ignore[untyped-decorator] # likewise
def _freeze(instance: Any, **_: Any) -> None:
    """Keep what is loaded for good: the program of a worker's process is its last."""
    if _is_ours(instance):
        gc.freeze()


@worker_shutting_down.connect  # type: ignore[untyped-decorator] # likewise
def _wake(**_: Any) -> None:
    """Wake who waits; in a signal handler, so nothing may lock or wait here."""
    for reference in _feeds.valuerefs():
        if (feed := reference()) is not None:
            feed.notify()
