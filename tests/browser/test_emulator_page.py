"""The emulator's page, with the SDK as the client of the emulator."""

from collections.abc import Callable, Iterator

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusError
from playwright.sync_api import Locator, Page, expect

from servicebus_emulator import ThreadedEmulator
from tests.browser.chromium import Watched


@pytest.fixture(scope="module")
def running() -> Iterator[ThreadedEmulator]:
    with ThreadedEmulator(queues=["orders"]) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: ThreadedEmulator) -> Iterator[ThreadedEmulator]:
    yield running
    running.control.reset()


@pytest.fixture
def client(emulator: ThreadedEmulator) -> Iterator[ServiceBusClient]:
    with ServiceBusClient.from_connection_string(
        emulator.connection_string, retry_total=0
    ) as client:
        yield client


@pytest.fixture
def page(emulator: ThreadedEmulator, open_page: Callable[..., Watched]) -> Page:
    page = open_page(f"http://127.0.0.1:{emulator.port}/emulator/").page
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    return page


def send(client: ServiceBusClient, queue: str, *bodies: str) -> None:
    with client.get_queue_sender(queue) as sender:
        sender.send_messages([ServiceBusMessage(body, subject="greeting") for body in bodies])


def count(page: Page, entity: str, name: str) -> Locator:
    row = page.locator("#entity-rows tr").filter(has=page.get_by_text(entity, exact=True))
    return row.locator(f'td[data-label="{name}"]')


def test_counts_messages_and_clients_change_while_one_looks(
    page: Page, client: ServiceBusClient
) -> None:
    expect(count(page, "orders", "Active")).to_have_text("0")
    send(client, "orders", "<b>one</b>", "two")
    expect(count(page, "orders", "Active")).to_have_text("2")

    page.get_by_role("button", name="orders").click()
    first = page.locator("#messages details").first
    first.locator("summary").click()
    expect(first.locator("pre")).to_have_text("<b>one</b>")
    expect(first).to_contain_text("greeting")
    with client.get_queue_receiver("orders") as receiver:
        [message] = receiver.receive_messages(1, max_wait_time=5)
        expect(count(page, "orders", "Locked")).to_have_text("1")
        expect(first.locator(".badge")).to_have_text("locked")
        expect(first).to_contain_text("SBReceiver")
        expect(page.locator("#connection-rows")).to_contain_text("SBReceiver")
        receiver.dead_letter_message(message, reason="Broken", error_description="in two")
    expect(count(page, "orders", "Dead")).to_have_text("1")

    page.get_by_role("button", name="Dead letters").click()
    expect(page.locator("#messages details")).to_have_count(1)
    first.locator("summary").click()
    expect(first).to_contain_text("Broken: in two")
    page.get_by_role("button", name="Remove all").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("There are no dead letters.")).to_be_visible()
    expect(count(page, "orders", "Dead")).to_have_text("0")
    expect(count(page, "orders", "Active")).to_have_text("1")


def test_a_fault_is_added_happens_and_is_mended(page: Page, client: ServiceBusClient) -> None:
    page.get_by_label("Entity").fill("orders")
    page.get_by_label("Times").fill("1")
    page.get_by_label("Operation").select_option("send")
    page.get_by_label("Action").select_option("refuse")
    page.get_by_role("button", name="Add the fault").press("Enter")
    fault = page.locator("#faults li")
    expect(fault).to_contain_text("send → refuse entity orders · 1×")
    with pytest.raises(ServiceBusError):
        send(client, "orders", "never")
    expect(fault).to_contain_text("1 of 1")
    expect(fault).to_contain_text("over")
    fault.get_by_role("button", name="Mend").click()
    expect(page.get_by_text("Everything works as it should.")).to_be_visible()
    send(client, "orders", "now")
    expect(count(page, "orders", "Active")).to_have_text("1")


def test_a_fault_that_is_none_is_told(page: Page, emulator: ThreadedEmulator) -> None:
    page.get_by_label("Operation").select_option("network")
    expect(page.get_by_label("Action")).to_have_value("delay")
    delay = page.get_by_role("textbox", name="Delay")
    delay.fill("soon")
    page.get_by_role("button", name="Add the fault").click()
    expect(page.locator("#fault-note")).to_contain_text("delay is seconds")
    delay.fill("cloud")
    page.get_by_role("button", name="Add the fault").click()
    expect(page.locator("#faults li")).to_contain_text("network → delay")
    assert [injected.fault.operation for injected in emulator.control.faults()] == ["network"]


def test_topics_have_their_subscriptions_below_them(
    page: Page, emulator: ThreadedEmulator, client: ServiceBusClient
) -> None:
    emulator.create_topic("news", ["all", "some"])
    with client.get_topic_sender("news") as sender:
        sender.send_messages(ServiceBusMessage("extra"))
    expect(count(page, "some", "Active")).to_have_text("1")
    names = page.locator("#entity-rows td:first-child > :first-child")
    expect(names).to_have_text(["orders", "news", "all", "some"])
    page.get_by_role("button", name="some").click()
    expect(page.locator("#messages details")).to_have_count(1)


def test_time_is_moved_until_a_lock_is_over(page: Page, client: ServiceBusClient) -> None:
    send(client, "orders", "slow")
    with client.get_queue_receiver("orders") as receiver:
        receiver.receive_messages(1, max_wait_time=5)
        expect(count(page, "orders", "Locked")).to_have_text("1")
        page.get_by_role("button", name="Freeze").click()
        expect(page.locator("#clock-state")).to_have_text("frozen")
        page.get_by_role("button", name="To the next change").click()
        expect(count(page, "orders", "Locked")).to_have_text("0")
        page.get_by_label("Advance by").fill("5")
        before = page.locator("#now").inner_text()
        page.get_by_role("button", name="Advance", exact=True).click()
        expect(page.locator("#now")).not_to_have_text(before)


def test_everything_begins_anew(
    page: Page, emulator: ThreadedEmulator, client: ServiceBusClient
) -> None:
    emulator.create_queue("extra")
    send(client, "orders", "old")
    expect(count(page, "orders", "Active")).to_have_text("1")
    expect(page.get_by_role("button", name="extra")).to_be_visible()
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(page.get_by_role("button", name="extra")).to_be_hidden()
    expect(count(page, "orders", "Active")).to_have_text("0")


def test_an_emulator_that_has_gone_is_told(open_page: Callable[..., Watched]) -> None:
    with ThreadedEmulator() as emulator:
        watched = open_page(f"http://127.0.0.1:{emulator.port}/emulator/")
        expect(watched.page.get_by_text("There is none yet")).to_be_visible()
    expect(watched.page.get_by_text("The emulator does not answer.")).to_be_visible()
    assert all("Failed to load" in complaint for complaint in watched.complaints)
    watched.complaints.clear()
