"""When a namespace is saved: before anybody is told of what has happened in it."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING

from servicebus_emulator.server.data_file import DataFile

if TYPE_CHECKING:
    from os import PathLike

    from servicebus_emulator.broker.journal import Journal
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.clock import Clock
    from servicebus_emulator.server.data_file import Durability

LOGGER = logging.getLogger(__name__)


class Saving:
    """A namespace and its file.

    Args:
        folder: Where the file is.
        durability: What an acknowledged message outlives.
        journal: That of the namespace.
        clock: The broker's time.

    Raises:
        DataFileError: The file cannot be used.
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        durability: Durability,
        journal: Journal,
        clock: Clock,
    ) -> None:
        self._file = DataFile(folder, durability)
        self._journal = journal
        self._clock = clock
        self._is_failing = False

    def load(self, namespace: Namespace) -> None:
        """Fill an empty namespace with what was saved.

        Raises:
            DataFileError: It cannot be.
        """
        self._file.load(namespace, self._journal, self._clock.now())

    def save(self) -> bool:
        """Write what has changed; whether all is written.

        After a failure, such as a full disk, the next call writes what this one should have.
        """
        if self._journal.is_empty:
            return True
        try:
            self._file.save(self._journal, self._clock.now())
        except sqlite3.Error as error:
            if not self._is_failing:
                LOGGER.error("Nothing can be saved, and so nothing acknowledged: %s", error)  # noqa: TRY400 (the reason is enough)
            self._is_failing = True
            return False
        if self._is_failing:
            self._is_failing = False
            LOGGER.info("Everything is saved again.")
        return True

    def close(self) -> None:
        """Let others have the file; what is not saved by now is lost."""
        self._file.close()
