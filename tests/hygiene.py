"""What a run of the tests leaves behind: its processes, its ports, its files.

Processes are known by a variable that each of them inherits; Linux shows it in /proc.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

VARIABLE = "TEST_RUN_MARK"


def marked() -> tuple[str, dict[str, str]]:
    """A mark, and the environment that whoever bears it, and its children, must have."""
    mark = uuid.uuid4().hex
    return mark, os.environ | {VARIABLE: mark}  # noqa: TID251 - handed on


def processes(mark: str) -> dict[int, str]:
    """Process ids, with their command lines, of those that run and bear the mark."""
    entry = f"{VARIABLE}={mark}".encode()
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if entry in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(folder.name)] = words.decode(errors="replace").strip()
        except OSError:  # ended a moment ago, or somebody else's
            continue
    return {pid: words for pid, words in found.items() if words}  # a zombie has no words


def files(folder: Path) -> set[str]:
    """The files below a folder, those that Python and pytest keep on purpose left out."""
    kept = {"__pycache__", ".pytest_cache", ".hypothesis"}
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not kept & set(path.parts)
    }
