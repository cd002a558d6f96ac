import pytest

from queue_app.settings import ClientSettings, Settings, TelemetrySettings
from tests.property.profiles import load_profiles

pytest_plugins = ["harness.pytest_plugin"]

load_profiles()


def pytest_configure(config: pytest.Config) -> None:
    """Let no test depend on the settings of whoever runs it, in the environment or in `.env`."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setitem(Settings.model_config, "env_file", None)
    if config.getoption("stack") == "azure":  # which has its account from there
        return
    for kind in (Settings, TelemetrySettings, ClientSettings):
        for name in kind.model_fields:
            patch.delenv(name, raising=False)
            patch.delenv(name.upper(), raising=False)
