"""Removes what has expired: `python -m celery_azure.sweep -A queue_app.celery_app`.

`celery beat` does the same every day at four, when `result_expires` is set: its task
`celery.backend_cleanup` calls the backend's `cleanup`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from celery.app.utils import find_app

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from celery_azure.blobs import ListedBlob, Page


class SweptBlobs(Protocol):
    """A container, as `BlobContainer` is one."""

    def pages(self, prefix: str) -> Iterator[Page]:
        """List the blobs whose names begin with `prefix`, page by page."""

    def delete_many(self, blobs: Sequence[ListedBlob]) -> int:
        """Remove blobs that are still as they were listed; how many went."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many blobs were looked at, and how many of these have been removed."""

    seen: int = 0
    removed: int = 0


def sweep(blobs: SweptBlobs, ages: Mapping[str, float], now: float) -> Swept:
    """Remove blobs that were written too long ago, a page of the listing at a time.

    A blob that is written while this runs stays: it is removed only as it was listed.

    Args:
        blobs: The container.
        ages: For each beginning of a name, after how many seconds such blobs go.
        now: Seconds, Unix time.

    Raises:
        AzureError: The storage did not answer, or refuses; what is removed by then stays removed.
    """
    seen = removed = 0
    for prefix, age in ages.items():
        for page in blobs.pages(prefix):
            old = list(_older(page.blobs, now - age))
            seen += len(page.blobs)
            removed += blobs.delete_many(old)
    return Swept(seen, removed)


def _older(blobs: Iterable[ListedBlob], moment: float) -> Iterator[ListedBlob]:
    return (blob for blob in blobs if blob.modified < moment)


def main(arguments: Sequence[str] | None = None) -> int:
    """Sweep once, and say what was done."""
    parser = argparse.ArgumentParser("celery_azure.sweep", description="Remove expired results.")
    parser.add_argument("-A", "--app", required=True, help="the Celery app, as for `celery -A`")
    chosen = parser.parse_args(arguments)
    sys.path.insert(0, "")  # as Celery's own command line does
    try:
        app = find_app(chosen.app)
    except (ImportError, AttributeError) as error:
        parser.error(f"there is no Celery app {chosen.app!r}: {error}")
    swept = app.backend.cleanup()
    if swept is None:
        sys.stderr.write("result_expires is not set: results are kept for ever\n")
        return 1
    sys.stdout.write(f"{swept.removed} of {swept.seen} blobs removed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
