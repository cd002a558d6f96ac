"""How the pages look: on a phone, in the dark, with contrast that can be read."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from playwright.sync_api import Page, expect

from queue_app.producer import Payload
from queue_app.queue_counts import QueueCounts
from servicebus_emulator import ThreadedEmulator
from tests.browser.chromium import Watched
from tests.browser.served import Served

OpenPage = Callable[..., Watched]

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
VIEWPORTS = pytest.mark.parametrize(
    "viewport",
    [
        pytest.param({"width": 360, "height": 740}, id="phone"),
        pytest.param({"width": 1280, "height": 900}, id="desk"),
    ],
)
LONG = "MessageThatNobodyCouldReadAtAll" * 4

# WCAG 2.2, 1.4.3: 4.5 to 1 for text. Colours are read from pixels, as the browser mixes them.
FAINT = """() => {
  const pixel = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgb = (colour, under) => {
    pixel.fillStyle = `rgb(${under ?? [255, 255, 255]})`;
    pixel.fillRect(0, 0, 1, 1);
    pixel.fillStyle = colour;
    pixel.fillRect(0, 0, 1, 1);
    return Array.from(pixel.getImageData(0, 0, 1, 1).data.slice(0, 3));
  };
  const ground = (element) => {
    const chain = [];
    for (let one = element; one; one = one.parentElement) chain.unshift(one);
    return chain.reduce((under, one) => rgb(getComputedStyle(one).backgroundColor, under), null);
  };
  const light = (colour) => colour
    .map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const contrast = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const hasText = (element) =>
    Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim());
  return Array.from(document.querySelectorAll("body *"))
    .filter((element) => element.checkVisibility() && hasText(element) && !element.disabled)
    .map((element) => {
      const style = getComputedStyle(element);
      const under = ground(element);
      const colour = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
      return [element.textContent.trim(), contrast(rgb(colour, under), under)];
    })
    .filter(([, ratio]) => ratio < 4.5);
}"""


def fill_page(served: Served, page: Page) -> None:
    """Let every part of the page show something."""
    served.dead_letters.bury(served.producer.ids.new(), Payload(b"{}", {}), LONG, LONG)
    served.gauge.known = QueueCounts(1_234_567, 2, 1)
    expect(page.get_by_text("1,234,567").first).to_be_visible()
    page.locator("#body").fill(json.dumps({"text": LONG}))
    page.locator("#body").press("Control+Enter")
    expect(page.locator("#task-status")).to_be_visible()
    task_id = page.locator("#task-id").inner_text()
    served.producer.advance(task_id, 3, 10, LONG)
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.locator("#letters-rows")).to_contain_text(LONG)


def fill_emulators_page(emulator: ThreadedEmulator, page: Page) -> None:
    """Let every part of the page show something."""
    emulator.create_topic("news", ["all"])
    emulator.control.inject("settle", "drop", entity=LONG, stage="after", condition=LONG)
    with ServiceBusClient.from_connection_string(emulator.connection_string) as client:
        with client.get_queue_sender("jobs") as sender:
            properties: dict[str | bytes, Any] = {LONG: LONG}
            message = ServiceBusMessage(LONG, subject=LONG, application_properties=properties)
            sender.send_messages(message)
        with client.get_queue_receiver("jobs") as receiver:
            receiver.receive_messages(1, max_wait_time=5)
            page.get_by_role("button", name="jobs").click()
            page.locator("#messages summary").click()
            expect(page.locator("#messages dl")).to_contain_text("Locked by")
            expect(page.locator("#connection-rows")).to_contain_text("SBReceiver")
    page.get_by_text("More", exact=True).click()
    expect(page.locator("#faults")).to_contain_text(LONG)


@SCHEMES
@VIEWPORTS
def test_the_page_of_the_api_fits_and_can_be_read(
    served: Served, open_page: OpenPage, scheme: str, viewport: dict[str, int]
) -> None:
    watched = open_page(f"{served.url}/ui/", color_scheme=scheme, viewport=viewport)
    fill_page(served, watched.page)
    assert_fits_and_can_be_read(watched, scheme)


@SCHEMES
@VIEWPORTS
def test_the_page_of_the_emulator_fits_and_can_be_read(
    open_page: OpenPage, scheme: str, viewport: dict[str, int]
) -> None:
    with ThreadedEmulator(queues=[f"orders/{LONG}", "jobs"]) as emulator:
        url = f"http://127.0.0.1:{emulator.port}/emulator"
        watched = open_page(url, color_scheme=scheme, viewport=viewport)
        fill_emulators_page(emulator, watched.page)
        assert_fits_and_can_be_read(watched, scheme)
        watched.page.goto("about:blank")  # it would complain that the emulator is gone


def assert_fits_and_can_be_read(watched: Watched, scheme: str) -> None:
    assert not watched.is_wider_than_the_screen
    assert watched.page.evaluate(FAINT) == []
    ground = watched.page.evaluate("getComputedStyle(document.body).backgroundColor")
    is_dark = sum(map(int, ground.removeprefix("rgb(").removesuffix(")").split(","))) < 384
    assert is_dark == (scheme == "dark")
