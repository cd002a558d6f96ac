"""Things that are fetched once and kept: built aside, then renamed, so never half there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_REPORT_SECONDS = 3.0
_MEGABYTE = 1_000_000


class DownloadError(RuntimeError):
    """Something that is needed could not be fetched."""


def fetch_once(
    folder: Path,
    build: Callable[[Path], None],
    say: Callable[[str], None],
    report_seconds: float = _REPORT_SECONDS,
) -> Path:
    """Give a folder that `build` has filled, now or at an earlier time.

    Of several processes that want it at the same time one builds, and the others wait.

    Args:
        folder: Where the result is kept.
        build: Fills the folder that it is given.
        say: Tells the person who waits.
        report_seconds: How often it tells.
    """
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(folder.parent / f".{folder.name}.lock"):
        if not folder.exists():
            say(f"Fetching {folder.name} into {folder.parent} (once)")
            _build_aside(folder, build, say, report_seconds)
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


def _build_aside(
    folder: Path, build: Callable[[Path], None], say: Callable[[str], None], seconds: float
) -> None:
    aside = tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent)
    try:
        target = folder.parent / aside / "content"
        target.mkdir()
        with _reports(target, say, seconds):
            build(target)
        target.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Hold a lock that ends with its holder, however that ends.

    The file stays: who removes it could take it from under somebody who waits for it.
    """
    with lock.open("a") as file:
        if sys.platform == "win32":
            while True:
                try:
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    break
                except OSError:  # it gives up after ten seconds
                    continue
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _reports(target: Path, say: Callable[[str], None], seconds: float) -> Iterator[None]:
    """Say from time to time how much there is."""
    done = threading.Event()

    def report() -> None:
        reports = 0
        while not done.wait(seconds):
            reports += 1
            say(f"  {_size(target) / _MEGABYTE:.0f} MB unpacked after {reports * seconds:.0f} s")

    thread = threading.Thread(target=report, name=f"progress of {target}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _size(folder: Path) -> int:
    """Bytes in a folder that somebody is filling."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:  # moved while we looked
            continue
    return total
