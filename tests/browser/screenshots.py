"""Takes the pictures in docs/images, of a system at work: `nox -s browser -- --screenshots`.

The clock of the page runs ahead of the computer's, so that minutes of load are drawn in seconds.
"""

from __future__ import annotations

import math
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from playwright.sync_api import expect, sync_playwright

from harness.embedded import EmbeddedStack
from harness.environment import ROOT
from harness.live import start_api, start_worker
from servicebus_emulator import ThreadedEmulator
from tests.browser.chromium import find_browser, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page

IMAGES = ROOT / "docs/images"
MOST_BYTES = 150_000
DESK = {"width": 900, "height": 1240}
PHONE = {"width": 360, "height": 740}
QUEUE = "jobs"
WORKER = "tests.browser.demo_worker"
JOB = '{\n  "order": 42,\n  "items": ["tea", "milk"],\n  "until": "approved"\n}'
NAME = ("--hostname=celery@worker-1",)
ROUNDS = 100
ROUND_MS = 2000  # as often as the page looks


def main() -> int:
    """Take all pictures; the exit code."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(playwright))
        picture_the_api(browser)
        picture_the_emulator(browser)
        browser.close()
    return 0


def picture_the_api(browser: Browser) -> None:
    """The page at /ui, with a job in the middle of its work."""
    folder = Path(tempfile.mkdtemp())
    with EmbeddedStack(_say, queues=(QUEUE,)) as stack:
        settings = stack.endpoints.settings(QUEUE)
        api, url = start_api(settings, folder=folder)
        with api, start_worker(settings, app=WORKER, options=NAME, folder=folder):
            _send_unreadable(stack.endpoints.service_bus_connection_string)
            with opened(browser, "about:blank", viewport=DESK) as watched:
                page = watched.page
                page.clock.install()
                page.goto(f"{url}/ui")
                expect(page.get_by_text("Ready", exact=True)).to_be_visible()
                page.get_by_label("A JSON object").fill(JOB)
                page.keyboard.press("Control+Enter")
                expect(page.get_by_text("6 of 10")).to_be_visible()
                expect(page.get_by_role("log")).to_contain_text("items found", timeout=10_000)
                _put_under_load(page, url)
                page.get_by_role("heading", name="Queue Processing").click()
                for scheme in ("light", "dark"):
                    _take(page, f"ui-{scheme}", scheme)
                page.set_viewport_size(PHONE)
                page.locator("#task-title").evaluate("title => title.scrollIntoView()")
                _take(page, "ui-phone", "light")
                (folder / "approved").touch()
                expect(page.locator("#task-status")).to_have_text("SUCCESS", timeout=20_000)
    shutil.rmtree(folder)


def picture_the_emulator(browser: Browser) -> None:
    """The emulator's page, with clients at work."""
    with ThreadedEmulator(queues=["orders", "invoices"]) as emulator:
        emulator.create_topic("news", ["all", "urgent"])
        emulator.control.inject("send", "throttle", entity="invoices", times=3)
        emulator.control.inject("settle", "drop", stage="after", probability=0.1, seed=7)
        client = ServiceBusClient.from_connection_string(emulator.connection_string)
        url = f"http://127.0.0.1:{emulator.port}/emulator/"
        with client, client.get_queue_sender("orders", client_identifier="web-1") as sender:
            properties: dict[str | bytes, Any] = {"source": "web"}
            for number in range(6):
                body = f'{{"order": {number}}}'
                sender.send_messages(
                    ServiceBusMessage(
                        body, message_id=f"order-{number}", application_properties=properties
                    )
                )
            receiver = client.get_queue_receiver("orders", client_identifier="worker-7")
            with receiver, opened(browser, url, viewport=DESK) as watched:
                first, *_ = receiver.receive_messages(2, max_wait_time=5)
                receiver.dead_letter_message(
                    first, reason="Broken", error_description="no customer"
                )
                page = watched.page
                page.get_by_role("button", name="orders").click()
                page.locator("#messages summary").first.click()
                expect(page.locator("#messages dl").first).to_contain_text("worker-7")
                for scheme in ("light", "dark"):
                    _take(page, f"emulator-{scheme}", scheme)
                page.set_viewport_size(PHONE)
                _take(page, "emulator-phone", "light")
                page.goto("about:blank")


def _send_unreadable(connection_string: str) -> None:
    """A message that no worker can read becomes a dead letter."""
    client = ServiceBusClient.from_connection_string(connection_string)
    with client, client.get_queue_sender(QUEUE) as sender:
        sender.send_messages(ServiceBusMessage("hello?"))


def _put_under_load(page: Page, url: str) -> None:
    """Send jobs in waves, a part of them wrong, while the page's clock runs ahead."""
    with httpx.Client(base_url=url) as client:
        for turn in range(ROUNDS):
            wave = 1 + math.sin(turn / 9) + 0.4 * math.sin(turn / 2.3)
            for _ in range(round(2 + 5 * max(0.0, wave))):
                client.post("/enqueue/", json={"order": turn}).raise_for_status()
            if turn % 20 == 7:
                client.post("/enqueue/", json=[])
            with page.expect_response("**/metrics"):
                page.clock.run_for(ROUND_MS)


def _take(page: Page, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    size = path.stat().st_size
    _say(f"{path.relative_to(ROOT)}: {size} bytes")
    if size > MOST_BYTES:
        sys.exit(f"{path.name} has more than {MOST_BYTES} bytes")


_say: Callable[[str], None] = print


if __name__ == "__main__":
    sys.exit(main())
