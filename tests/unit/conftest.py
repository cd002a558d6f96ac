from pathlib import Path

import pytest

from queue_app.settings import Settings


@pytest.fixture
def folder_of_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty working directory, whose `.env` is read as anybody's would be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
