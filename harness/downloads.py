"""Things that are fetched once and kept: built aside, then renamed, so never half there."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class DownloadError(RuntimeError):
    """Something that is needed could not be fetched."""


def fetch_once(folder: Path, build: Callable[[Path], None], say: Callable[[str], None]) -> Path:
    """Give a folder that `build` has filled, now or at an earlier time.

    Two processes may build at the same time; one of them wins, and both use the winner's.

    Args:
        folder: Where the result is kept.
        build: Fills the folder that it is given.
        say: Tells the person who waits.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    say(f"Fetching {folder.name} into {folder.parent} (once)")
    aside = tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent)
    try:
        target = folder.parent / aside / "content"
        target.mkdir()
        build(target)
        try:
            target.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def run_installer(
    what: str, command: Sequence[str], folder: Path, settings: Mapping[str, str] | None = None
) -> None:
    """Run a package client.

    Raises:
        DownloadError: It failed; with its last lines.
    """
    done = subprocess.run(  # noqa: S603 - commands of the harness itself
        list(command),
        cwd=folder,
        env=dict(settings) if settings is not None else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise DownloadError(f"{what} could not be fetched (exit code {done.returncode}):\n{last}")
