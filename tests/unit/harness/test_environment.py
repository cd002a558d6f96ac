import pytest

from harness.environment import child_environment, product_settings
from queue_app.settings import Settings

NAMES = [name.upper() for name in Settings.model_fields]


def test_no_setting_of_ours_reaches_a_process_that_was_not_given_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "a developer's own")
    assert set(NAMES) <= set(product_settings())
    assert [name for name in NAMES if name in child_environment({})] == []
    assert child_environment({"TASK_LOGS": "False"})["TASK_LOGS"] == "False"


def test_the_rest_of_the_environment_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODY_ELSES", "1")
    assert child_environment({})["SOMEBODY_ELSES"] == "1"
