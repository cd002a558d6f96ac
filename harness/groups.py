"""Groups of processes, as POSIX and Windows have them: made, interrupted and ended as a whole.

The id of a group is that of the process that it was made with.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

# What `subprocess.Popen` takes for a child with a group of its own, which what ends us does not
# reach: neither Ctrl-C in our terminal nor a signal to our group.
if sys.platform == "win32":
    NEW_SESSION = False
    CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    NEW_SESSION = True
    CREATION_FLAGS = 0


def terminate(group: int) -> None:
    """Ask its first process to stop; on Windows all of them, as nothing else can be asked there."""
    if sys.platform == "win32":
        interrupt(group)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(group, signal.SIGTERM)


def interrupt(group: int) -> None:
    """Do what Ctrl-C in its terminal does (on Windows, what Ctrl-Break does)."""
    if sys.platform == "win32":
        with contextlib.suppress(OSError):  # nobody is left, or there is no console
            os.kill(group, signal.CTRL_BREAK_EVENT)
    else:
        _signal(group, signal.SIGINT)


def kill(group: int) -> None:
    """End all of them at once, as a crash would."""
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(group)]
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - Windows' own
    else:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(group, number)
