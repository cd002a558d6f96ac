from typing import Any

import pytest

from queue_app.settings import Settings
from tests.documents import snippets


async def test_the_example_of_a_test_without_a_broker_is_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "load", lambda: settings)
    example: dict[str, Any] = {}
    exec(snippets("docs/http-api.md", "python")[-1], example)  # noqa: S102 - our own

    await example["test_a_job_that_succeeds"]()
