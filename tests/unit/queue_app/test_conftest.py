from pathlib import Path

import pytest

from queue_app.settings import Settings


def test_what_a_developer_has_set_for_himself_is_not_what_is_tested(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("LOG_FORMAT=json\n")
    monkeypatch.chdir(tmp_path)

    again = Settings.model_validate(settings.model_dump(exclude_unset=True))

    assert again.log_format == "text"
