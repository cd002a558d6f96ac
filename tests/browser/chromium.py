"""A real browser, found on this machine, and pages that remember what they should not do.

python -m tests.browser.chromium        says in a line what is missing, or nothing
"""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Playwright

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "msedge",
)
_PATIENCE_MS = 20_000  # other work on the machine is no failure of a page
expect.set_options(timeout=_PATIENCE_MS)
MISSING = "No browser was found: install Chromium or Chrome, so that it is on the path."


def find_browser(playwright: Playwright) -> str | None:
    """The program on the path, or the one that Playwright has downloaded; None without either."""
    for name in _NAMES:
        if path := shutil.which(name):
            return path
    downloaded = playwright.chromium.executable_path
    return downloaded if Path(downloaded).exists() else None


class Watched:
    """A page, and what it complained of and whom it asked."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    @property
    def is_wider_than_the_screen(self) -> bool:
        """Whether it must be scrolled sideways."""
        width = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        has, sees = self.page.evaluate(width)
        return bool(has > sees)

    def assert_well_behaved(self) -> None:
        """No complaint on the console, no request to another host."""
        assert self.complaints == []
        assert self.hosts <= {urlsplit(self.url).netloc}


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Watched]:
    """A page in a context of its own, with empty storage.

    Args:
        browser: In which it is opened.
        url: Opened at once.
        options: Of Playwright's `new_context`, such as `color_scheme` and `viewport`.
    """
    context: BrowserContext = browser.new_context(**options)
    context.set_default_timeout(_PATIENCE_MS)
    try:
        watched = Watched(context.new_page(), url)
        watched.page.goto(url)
        yield watched
    finally:
        context.close()


def main() -> int:
    """Look for a browser; the exit code."""
    with sync_playwright() as playwright:
        if find_browser(playwright) is not None:
            return 0
    print(MISSING)  # noqa: T201 - what the session shows
    return 1


if __name__ == "__main__":
    sys.exit(main())
