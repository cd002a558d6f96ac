"""A guard for containers: a process that outlives the harness and removes what it has started.

Containers are children of the engine, so nothing ends them when the harness dies. Everything that
belongs to a run carries one label, and the guard, whose input ends with the harness, removes all
of it: containers with their volumes, then networks. It is the only way that they are removed, so
each run tests what a crash needs.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import uuid
from typing import Any

from harness import groups
from harness.environment import child_environment

LABEL = "queue-processing-api.run"


class ContainerGuard:
    """Removes everything with `labels` when it is dismissed, or when this process has ended."""

    def __init__(self) -> None:
        self.run = uuid.uuid4().hex
        self._process = subprocess.Popen(  # noqa: S603 - this very module
            [sys.executable, "-m", "harness.container_guard", self.run],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=child_environment(engine_environment()),
            start_new_session=groups.NEW_SESSION,  # what ends the harness must not end the guard
            creationflags=groups.CREATION_FLAGS,
        )

    @property
    def labels(self) -> dict[str, str]:
        """What each container and network of this run must carry."""
        return {LABEL: self.run}

    def dismiss(self) -> None:
        """Let it remove everything, and wait for that.

        Raises:
            RuntimeError: Something could not be removed.
        """
        _, errors = self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(f"containers of run {self.run} may be left:\n{errors.strip()}")


def engine_environment() -> dict[str, str]:
    """Where the engine is, as testcontainers has found it."""
    host = os.environ.get("DOCKER_HOST")  # noqa: TID251 - set by testcontainers, for its context
    return {} if host is None else {"DOCKER_HOST": host}


def remove_all(client: Any, run: str) -> None:
    """Remove the containers, volumes and networks of a run."""
    from docker.errors import NotFound  # noqa: PLC0415

    mine = {"label": f"{LABEL}={run}"}
    # Sparse: else each is asked for once more, which is an error when it has gone since.
    for container in client.containers.list(all=True, filters=mine, sparse=True):
        with contextlib.suppress(NotFound):
            container.remove(force=True, v=True)
    for network in client.networks.list(filters=mine):
        with contextlib.suppress(NotFound):
            network.remove()


if __name__ == "__main__":
    sys.stdin.read()  # until the harness says so, or is no more
    from harness.engine import connect

    remove_all(connect(), sys.argv[1])
