"""A typed client of the HTTP API, on httpx (the extra `client`).

It knows the API by its documents only, and nothing of the rest of this package.
"""

from queue_app.client.answers import ApiError, Event, Job, Settled, TaskView
from queue_app.client.asynchronous import AsyncQueueClient
from queue_app.client.synchronous import QueueClient

__all__ = [
    "ApiError",
    "AsyncQueueClient",
    "Event",
    "Job",
    "QueueClient",
    "Settled",
    "TaskView",
]
