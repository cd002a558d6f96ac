"""The page at /ui of the whole system: emulator, Azurite, a worker and the API, as processes."""

from collections.abc import Callable

from playwright.sync_api import expect

from harness.pytest_plugin import RunningApp
from tests.browser.chromium import Watched


def test_a_job_runs_through_the_whole_system(
    running_app: RunningApp, open_page: Callable[..., Watched]
) -> None:
    page = open_page(f"{running_app.url}/ui").page
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    page.get_by_label("A JSON object").fill('{"order": 12345678901234567890}')
    page.keyboard.press("Control+Enter")
    expect(page.locator("#task-status")).to_have_text("SUCCESS", timeout=20_000)
    expect(page.locator("#task-result")).to_contain_text('"order": 12345678901234567890')
    expect(page.locator("#task-facts")).to_contain_text("celery@")
    expect(page.locator("#recent-rows")).to_contain_text("SUCCESS")
    expect(page.locator("#count-dead")).to_have_text("0")
