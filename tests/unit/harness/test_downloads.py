import threading
from pathlib import Path

import pytest

from harness.downloads import DownloadError, fetch_once


def ignore(_: str) -> None:
    """Nobody waits."""


def write_program(target: Path) -> None:
    (target / "program").write_text("1")


def test_builds_the_folder_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []

    folder = fetch_once(tmp_path / "cache" / "tool", write_program, said.append)

    assert (folder / "program").read_text() == "1"
    assert said == [f"Fetching tool into {tmp_path / 'cache'} (once)"]


def test_does_not_build_what_is_there(tmp_path: Path) -> None:
    fetch_once(tmp_path / "tool", write_program, ignore)

    def refuse(_: Path) -> None:
        raise AssertionError("built again")

    said: list[str] = []
    assert fetch_once(tmp_path / "tool", refuse, said.append) == tmp_path / "tool"
    assert said == []


def test_leaves_nothing_of_a_build_that_failed(tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        write_program(target)
        raise DownloadError("no network")

    with pytest.raises(DownloadError, match="no network"):
        fetch_once(tmp_path / "tool", fail, ignore)

    assert [entry.name for entry in tmp_path.iterdir()] == [".tool.lock"]


def test_the_folder_is_not_there_before_it_is_complete(tmp_path: Path) -> None:
    seen: list[bool] = []

    def look(target: Path) -> None:
        write_program(target)
        seen.append((tmp_path / "tool").exists())

    fetch_once(tmp_path / "tool", look, ignore)

    assert seen == [False]


def test_of_two_that_want_it_one_builds_and_the_other_waits(tmp_path: Path) -> None:
    def refuse(_: Path) -> None:
        raise AssertionError("built a second time")

    others: list[Path] = []
    other = threading.Thread(
        target=lambda: others.append(fetch_once(tmp_path / "tool", refuse, ignore))
    )

    def build_while_the_other_waits(target: Path) -> None:
        other.start()
        other.join(0.1)
        assert other.is_alive()
        write_program(target)

    folder = fetch_once(tmp_path / "tool", build_while_the_other_waits, ignore)

    other.join()
    assert others == [folder]
    assert (folder / "program").read_text() == "1"


def test_tells_how_far_it_is(tmp_path: Path) -> None:
    told = threading.Event()

    def say(text: str) -> None:
        if "MB unpacked" in text:
            told.set()

    def build_until_told(target: Path) -> None:
        write_program(target)
        assert told.wait(60)

    fetch_once(tmp_path / "tool", build_until_told, say, report_seconds=0.001)

    assert told.is_set()
