import tarfile
from pathlib import Path
from typing import Any

import pytest

from harness.engine import PullProgress, _context, _repository_and_tag, describe


def event(layer: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    return {
        "id": layer,
        "status": status,
        "progressDetail": {"current": current, "total": total} if total else {},
    }


def test_progress_adds_up_the_layers() -> None:
    progress = PullProgress()
    for step in (
        {"status": "Pulling from somewhere", "id": "latest"},
        event("a", "Downloading", 1_000_000, 10_000_000),
        event("b", "Downloading", 2_000_000, 20_000_000),
        event("a", "Downloading", 4_000_000, 10_000_000),
    ):
        progress.take(step)

    assert str(progress) == "6 of 30 MB"


def test_a_layer_that_is_complete_counts_whole() -> None:
    progress = PullProgress()
    progress.take(event("a", "Downloading", 1_000_000, 10_000_000))
    progress.take(event("a", "Download complete"))

    assert str(progress) == "10 of 10 MB"


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("mcr.microsoft.com/a/b:2.0.1", ("mcr.microsoft.com/a/b", "2.0.1")),
        ("localhost:5000/a", ("localhost:5000/a", "latest")),
        ("python", ("python", "latest")),
        ("a/b@sha256:00", ("a/b@sha256:00", None)),
    ],
)
def test_images_are_pulled_by_their_tag(image: str, parts: tuple[str, str | None]) -> None:
    assert _repository_and_tag(image) == parts


def test_an_engine_is_called_by_its_name() -> None:
    class Podman:
        def version(self) -> dict[str, Any]:
            return {"Version": "5.1", "Components": [{"Name": "Podman Engine"}, {"Name": "OCI"}]}

    assert describe(Podman()) == "Podman Engine 5.1"


def test_the_same_files_are_packed_into_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "package/__pycache__").mkdir(parents=True)
    (tmp_path / "package/module.py").write_text("1")
    (tmp_path / "package/__pycache__/module.pyc").write_text("2")
    first = _context(tmp_path, ["package"]).getvalue()
    (tmp_path / "package/module.py").touch()

    assert _context(tmp_path, ["package"]).getvalue() == first
    with tarfile.open(fileobj=_context(tmp_path, ["package"])) as packed:
        assert packed.getnames() == ["package", "package/module.py"]
