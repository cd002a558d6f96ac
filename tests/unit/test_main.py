import runpy
from pathlib import Path

import pytest
from fastapi import FastAPI

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("folder_of_settings")


def test_main_exposes_the_application(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    app = runpy.run_path(str(ROOT / "main.py"))["app"]
    assert isinstance(app, FastAPI)
    assert app.state.settings.service_bus_queue_name == "celery"


def test_a_missing_setting_ends_the_process_with_one_line_for_each() -> None:
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "main.py"))
    lines = str(caught.value.code).splitlines()
    assert [line.split()[0] for line in lines] == [
        "SERVICE_BUS_NAMESPACE:",
        "SERVICE_BUS_QUEUE_NAME:",
        "AZURE_BLOB_CONNECTION_STRING:",
    ]
