"""A task as server-sent events: its status, progress, log lines, and the end.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from collections.abc import AsyncGenerator

from queue_app.api.task_feed import Feed


class EventStream:
    """The events of one task for one client.

    Args:
        feed: what happens to the task.
        log_start: where the client's log ends.
    """

    def __init__(self, feed: Feed, log_start: int = 0) -> None:
        self._feed = feed
        self._offset = log_start
        self._status = b""
        self._progress = b""

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Yield each event as it is to be sent, until the task has ended or the service closes."""
        feed = self._feed
        beats = feed.beats
        said = b"retry: 1000\n\n"
        while True:
            changed, is_over = feed.changed, feed.is_over  # before looking: nothing is missed
            said += self._news()
            if self._offset < feed.log_end:
                said += await self._log()
            if is_over:
                said += feed.end
                if said:
                    yield said
                return
            if not said and beats != feed.beats:
                said = b": still here\n\n"
            beats = feed.beats
            if said:
                yield said
                said = b""
            await changed.wait()

    def _news(self) -> bytes:
        """The newest of what this client has not been told."""
        feed, said = self._feed, b""
        if feed.status != self._status:
            said = self._status = feed.status
        if feed.progress != self._progress:
            self._progress = feed.progress
            said += feed.progress
        return said

    async def _log(self) -> bytes:
        """The log from where this client's ends up to where the feed's does."""
        said = b""
        while self._offset < self._feed.log_end:
            part = await self._feed.log_from(self._offset)
            if part is None:
                break
            said += part.event
            self._offset = part.next
        return said
