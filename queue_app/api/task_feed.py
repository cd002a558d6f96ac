"""What happens to a task, written as events once for all clients that watch it.

A thousand clients of a task cost one poller, one reader of its log, and one encoding of each event.
A client waits for `changed` and takes what it has not sent yet; while nothing happens it costs
nothing.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from queue_app.api.lifecycle import Lifecycle
from queue_app.api.views import progress_members, status_body
from queue_app.errors import Unavailable, UnreadableRecord, UnrepresentableResult
from queue_app.jobs import TaskRecord, status_of
from queue_app.payload import encode_json
from queue_app.task_logs import LogPart, TaskLogs, whole_lines
from queue_app.watching import Watch, Watcher

LOOK_SECONDS = 0.5
"""How often the log of a running task is read, and how soon streams end when the service closes."""

_LOOKS_PER_SECOND = 200.0  # at logs, by all feeds of a process together
_LOOKS_AT_ONCE = 4  # a storage that is slow is not flooded with them
_SILENCE_SECONDS = 15.0  # proxies cut what is silent for a minute
_LAST_LOOKS = 3  # a worker writes the end of its log and the end of its task at the same time
_KEPT_BYTES = 65_536  # of a log's end, for clients that are a little behind


@dataclass(frozen=True, slots=True)
class LogEvent:
    """A part of a log, from `start` to `next`, and the event that tells it."""

    start: int
    next: int
    event: bytes


class Feed:
    """The events of one task.

    Attributes:
        status, progress: the newest event of each kind; empty when there is none.
        end: the last event; empty until the task has ended and its log is read.
        is_over: nothing follows: the task has ended, or the service closes.
        beats: how often the feed was silent for so long that clients should hear of it.
        log_end: up to where the log is read.
        changed: set when any of these has changed, and replaced by a new one.
    """

    def __init__(self, task_id: str, logs: TaskLogs, log_start: int) -> None:
        self.status = self.progress = self.end = b""
        self.is_over = False
        self.beats = 0
        self.log_end = log_start
        self.changed = asyncio.Event()
        self.followers = 0
        self.job: asyncio.Task[None] | None = None
        self._task_id = task_id
        self._logs = logs
        self._recent: deque[LogEvent] = deque()
        self._spoken_at = asyncio.get_running_loop().time()

    def begin_log_at(self, start: int) -> None:
        """Read the log from an earlier place on; the first client may have named one beyond it."""
        if not self._recent:
            self.log_end = min(self.log_end, start)

    async def log_from(self, start: int) -> LogEvent | None:
        """The part of the log that begins at `start`; None when it cannot be read now."""
        for recent in self._recent:
            if recent.start == start:
                return recent
        part = await self._read(start, self.log_end - start)
        return None if part is None else self._log_event(part, at_end=part.next == self.log_end)

    async def follow(self, watch: Watch, looks: "Looks") -> None:
        """Tell of the task until it has ended."""
        try:
            await self._follow_until_end(watch, looks)
        except (UnreadableRecord, UnrepresentableResult):
            self.close()  # clients that come again get the problem
            return
        left = _LAST_LOOKS
        while left:
            if not await self._look(at_end=left == 1):
                left -= 1
                await asyncio.sleep(LOOK_SECONDS / 2 if left else 0)
        self.end = self.status.replace(b"event: status", b"event: end", 1)
        self.close()

    async def _follow_until_end(self, watch: Watch, looks: "Looks") -> None:
        while True:
            record = watch.record
            self.show(record)
            if record is not None and record.state.is_end:
                return
            if record is None:
                await watch.change(None)
            else:
                async with looks.turns:
                    has_more = await self._look(at_end=False)
                if not has_more:
                    await watch.change(looks.interval())

    def show(self, record: TaskRecord | None) -> None:
        """Take the record of the task.

        Raises:
            UnrepresentableResult: the task returned what JSON cannot say.
        """
        status = _event("status", status_body(status_of(self._task_id, record)))
        members = progress_members(None if record is None else record.progress)
        progress = self.progress if members is None else _event("progress", encode_json(members))
        if (status, progress) != (self.status, self.progress):
            self.status, self.progress = status, progress
            self._tell()

    def close(self) -> None:
        """Let the streams end."""
        self.is_over = True
        self._tell()

    def beat(self, now: float) -> None:
        """Let clients hear that the stream lives, if it was silent for long."""
        if now - self._spoken_at > _SILENCE_SECONDS:
            self.beats += 1
            self._tell()

    def _tell(self) -> None:
        self._spoken_at = asyncio.get_running_loop().time()
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    async def _look(self, *, at_end: bool) -> bool:
        """Read on in the log; whether there was something."""
        part = await self._read(self.log_end)
        found = None if part is None else self._log_event(part, at_end=at_end)
        if found is None:
            return False
        self.log_end = found.next
        self._recent.append(found)
        while self._recent and self.log_end - self._recent[0].start > _KEPT_BYTES:
            self._recent.popleft()
        self._tell()
        return True

    async def _read(self, start: int, length: int | None = None) -> LogPart | None:
        try:
            return await self._logs.read(self._task_id, start, length)
        except Unavailable:
            return None  # the log goes on when the storage is back, or at the next connection

    @staticmethod
    def _log_event(part: LogPart, *, at_end: bool) -> LogEvent | None:
        text, following = whole_lines(part, at_end=at_end)
        if not text:
            return None
        members = encode_json({"text": text, "next": following})
        return LogEvent(part.start, following, _event("log", members, str(following)))


class Looks:
    """How often feeds look at logs: their number decides."""

    def __init__(self) -> None:
        self.feeds = 0
        self.turns = asyncio.Semaphore(_LOOKS_AT_ONCE)

    def interval(self) -> float:
        """Seconds between two looks of a feed."""
        return max(LOOK_SECONDS, self.feeds / _LOOKS_PER_SECOND)


class TaskFeeds:
    """The feeds of one process: one for each task that somebody follows.

    Args:
        watcher: sees changes of records.
        logs: where logs are read.
        lifecycle: ends all streams when the service closes.
    """

    def __init__(self, watcher: Watcher, logs: TaskLogs, lifecycle: Lifecycle) -> None:
        self._watcher = watcher
        self._logs = logs
        self._lifecycle = lifecycle
        self._feeds: dict[str, Feed] = {}
        self._looks = Looks()
        self._ticker: asyncio.Task[None] | None = None

    @contextmanager
    def follow(self, task_id: str, record: TaskRecord | None, log_start: int) -> Iterator[Feed]:
        """Follow a task, whose record the client has just read, for as long as the block runs.

        Args:
            task_id: the task.
            record: its record.
            log_start: from where on the client wants the log.
        """
        feed = self._feeds.get(task_id)
        if feed is None:
            feed = Feed(task_id, self._logs, log_start)
            feed.show(record)
            self._feeds[task_id] = feed
            feed.job = asyncio.create_task(self._run(task_id, record, feed))
        feed.begin_log_at(log_start)
        if self._lifecycle.is_closing:
            feed.close()
        if self._ticker is None:
            self._ticker = asyncio.create_task(self._tick())
        self._looks.feeds = len(self._feeds)
        feed.followers += 1
        try:
            yield feed
        finally:
            feed.followers -= 1
            if feed.followers == 0:
                self._drop(task_id, feed)

    async def _run(self, task_id: str, record: TaskRecord | None, feed: Feed) -> None:
        try:
            with self._watcher.watch(task_id, record) as watch:
                await feed.follow(watch, self._looks)
        finally:
            feed.close()

    def _drop(self, task_id: str, feed: Feed) -> None:
        del self._feeds[task_id]
        self._looks.feeds = len(self._feeds)
        if feed.job is not None:
            feed.job.cancel()
        if not self._feeds and self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for feed in list(self._feeds.values()):
                if self._lifecycle.is_closing:
                    feed.close()
                else:
                    feed.beat(loop.time())


def _event(name: str, data: bytes, event_id: str | None = None) -> bytes:
    """JSON has no line breaks, so that one data field holds it."""
    identity = f"id: {event_id}\n" if event_id is not None else ""
    return f"event: {name}\n{identity}data: ".encode() + data + b"\n\n"
