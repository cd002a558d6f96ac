"""The counts of a queue, asked of Service Bus's management API once in a while."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from azure.core.exceptions import AzureError

from queue_app.queue_counts import QueueCounts
from queue_app.settings import Settings

_log = logging.getLogger(__name__)
_FRESH_SECONDS = 2.0
_ANSWER_SECONDS = 3.0


class AzureQueueGauge:
    """Asks at most every two seconds; those who ask meanwhile share the answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(1, "queue-counts")
        self._asked: asyncio.Future[QueueCounts | None] | None = None
        self._asked_at = float("-inf")
        self._is_refused = False

    async def counts(self) -> QueueCounts | None:
        """The counts of a moment ago; None where they are not known."""
        now = time.monotonic()
        if self._asked is None or now - self._asked_at > _FRESH_SECONDS:
            self._asked_at = now
            loop = asyncio.get_running_loop()
            self._asked = loop.run_in_executor(self._threads, self._ask)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await asyncio.shield(self._asked)
        except TimeoutError:
            return None

    async def aclose(self) -> None:
        """Release the thread; may be called twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self) -> QueueCounts | None:
        queue = self._settings.service_bus_queue_name
        try:
            with self._settings.service_bus_endpoint.administration_client() as client:
                found = client.get_queue_runtime_properties(queue)
        except (AzureError, ValueError, OSError) as error:
            if not self._is_refused:
                self._is_refused = True
                _log.info("The counts of the queue are not known: %s", type(error).__name__)
            return None
        return QueueCounts(
            found.active_message_count or 0,
            found.scheduled_message_count or 0,
            found.dead_letter_message_count or 0,
        )
