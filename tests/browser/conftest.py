"""Tests in a real browser: `nox -s browser`. Nowhere else is Playwright installed."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tests.browser.chromium import Watched
    from tests.browser.served import Served

collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - see above

    from tests.browser.chromium import MISSING, find_browser  # noqa: PLC0415

    with sync_playwright() as playwright:
        program = find_browser(playwright)
        if program is None:
            pytest.fail(MISSING, pytrace=False)
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open an address; what pages complained of, and other hosts they asked, fail the test."""
    from tests.browser.chromium import opened  # noqa: PLC0415

    with ExitStack() as stack:
        pages: list[Watched] = []

        def open_page(url: str, **options: Any) -> Watched:
            watched = stack.enter_context(opened(browser, url, **options))
            pages.append(watched)
            return watched

        yield open_page
        for page in pages:
            page.assert_well_behaved()


@pytest.fixture
def served() -> Iterator[Served]:
    """The API, with doubles behind it."""
    from tests.browser.served import served  # noqa: PLC0415 - a module beside the ignored ones

    with served() as running:
        yield running
