"""Tasks that came straight from whoever sent them to a worker that had nothing to do.

What is stored of such a task is known without asking: nothing. It has not run before, and nobody
has had the time to cancel it. A task can spare itself the question:

    if not came_straight(self.request, within=0.1, now=time.time()):
        stored = self.backend.read_meta(self.request.id)

Neither a clock nor the order of events is trusted alone. All of this must be so:

- The message says that it is the first of its task (`TaskWriter.write`), and it is delivered for
  the first time. A message whose answer was lost is sent again without that word, and one that the
  broker keeps until a later time does not have it: it comes to its queue when that is reached.
- When it came, the broker had been free to send for a while, and so had nothing: it did not wait
  behind others. That needs no clock, but an idle link can also be one that the network holds up.
- It came into the queue a moment ago, by the clocks of broker and worker. Where they differ, this
  is false.
"""

from __future__ import annotations

from typing import Any


def came_straight(request: Any, within: float, now: float) -> bool:
    """Whether a task's message was sent to nobody before, and has waited nowhere until now.

    Args:
        request: The task's `self.request`.
        within: The seconds that it may have taken.
        now: The time, in seconds since 1970.
    """
    info = (getattr(request, "properties", None) or {}).get("delivery_info") or {}
    return bool(info.get("came_straight")) and abs(now - info["enqueued_at"]) < within
