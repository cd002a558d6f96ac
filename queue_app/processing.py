"""The business function: replace it with your own."""

from typing import Any


def process(data: dict[str, Any]) -> Any:
    """Do the work of a job.

    Args:
        data: the JSON object as the client sent it.

    Returns:
        Any JSON value; clients see it as the result. An exception makes the job a FAILURE, of
        which clients see the class and the text.

    A job can run more than once, when a worker dies in the middle: make this idempotent.
    """
    return {"processed": data}
