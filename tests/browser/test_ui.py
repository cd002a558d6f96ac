"""The page at /ui, with a test in the place of the worker."""

import itertools
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from queue_app.dead_letters import Settled
from queue_app.producer import Payload
from queue_app.queue_counts import QueueCounts
from queue_app.task_logs import log_name
from tests.browser.chromium import Watched
from tests.browser.served import LIMIT, Served

OpenPage = Callable[..., Watched]


def enqueue(page: Page, text: str) -> str:
    """Write a job and send it with the keyboard; the id of its task."""
    body = page.get_by_label("A JSON object")
    body.fill(text)
    body.press("Control+Enter")
    expect(page.locator("#body-note")).to_have_text("Enqueued: the broker has the job.")
    task_id: str = page.locator("#task-id").inner_text()
    return task_id


def bury(served: Served, count: int) -> list[int]:
    """Give up so many jobs; their sequence numbers."""
    numbers = [
        served.dead_letters.bury(
            served.producer.ids.new(),
            Payload(b"{}", {"number": 12345678901234567890, "text": "<b>bold</b>"}),
            "MaxDeliveryCountExceeded",
            f"<i>letter</i> {n}",
        )
        for n in range(count)
    ]
    served.gauge.known = QueueCounts(3, 2, count)
    return numbers


def test_a_job_is_watched_from_waiting_to_its_end(served: Served, open_page: OpenPage) -> None:
    page = open_page(f"{served.url}/ui").page
    task_id = enqueue(page, '{"big": 12345678901234567890, "text": "<b>ü</b>"}')
    task = page.get_by_role("region", name="Task", exact=True)
    expect(task.locator("#task-status")).to_have_text("PENDING")

    served.producer.start(task_id)
    served.producer.advance(task_id, 3, 10, "resizing")
    served.blobs.append(log_name(task_id), b"resized 3 of 10\n")
    expect(task.locator("#task-status")).to_have_text("STARTED")
    expect(task.get_by_role("progressbar")).to_have_attribute("value", "3")
    expect(task.get_by_text("3 of 10 · resizing")).to_be_visible()
    expect(task.get_by_role("log")).to_have_text("resized 3 of 10\n")
    expect(task.get_by_text("memory")).to_be_visible()

    served.producer.finish(task_id, json.loads(served.producer.payloads[task_id].body))
    expect(task.locator("#task-status")).to_have_text("SUCCESS")
    expect(task.locator("#task-result")).to_have_text(
        '{\n  "big": 12345678901234567890,\n  "text": "<b>ü</b>"\n}'
    )
    expect(task.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.locator("#recent-rows")).to_contain_text("SUCCESS")


def test_a_failure_shows_its_error(served: Served, open_page: OpenPage) -> None:
    page = open_page(f"{served.url}/ui").page
    served.producer.fail(enqueue(page, "{}"), ValueError("no such order"))
    expect(page.locator("#task-status")).to_have_text("FAILURE")
    expect(page.locator("#task-result")).to_contain_text('"message": "no such order"')


def test_everything_is_reached_with_the_keyboard_alone(served: Served, open_page: OpenPage) -> None:
    page = open_page(f"{served.url}/ui").page
    expect(page.get_by_role("status").filter(has_text="Ready")).to_be_visible()
    order = []
    for _ in range(8):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        order.append(focused.get_attribute("id") or focused.inner_text())
        assert focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    assert order == [
        "Skip to the job",
        *("key-toggle", "body", "enqueue", "format", "delay", "watch-id"),
        "Watch",
    ]

    page.locator("#body").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#task-status")).to_be_visible()
    assert list(served.producer.payloads) == [page.locator("#task-id").inner_text()]


def test_a_mistake_is_told_while_it_is_written(served: Served, open_page: OpenPage) -> None:
    page = open_page(f"{served.url}/ui").page
    body, note = page.get_by_label("A JSON object"), page.locator("#body-note")
    body.fill('{\n  "order": 42,\n  "order": 43\n}')
    expect(note).to_have_text('Line 3, column 3: the key "order" stands twice.')
    expect(body).to_have_attribute("aria-invalid", "true")
    expect(body).to_have_accessible_description(re.compile('Line 3, column 3: the key "order"'))

    page.get_by_role("button", name="Show the mistake").click()
    expect(body).to_be_focused()
    assert body.evaluate("element => element.selectionStart") == 19
    body.press("Control+Enter")
    body.fill(json.dumps({"text": "x" * LIMIT}))
    expect(note).to_have_text("The job is larger than the limit of 4.0 KB.")
    body.press("Control+Enter")
    assert served.producer.payloads == {}

    body.fill('{"order":1.0}')
    expect(note).to_have_text("A valid job.")
    page.get_by_role("button", name="Format").click()
    expect(body).to_have_value('{\n  "order": 1.0\n}')


def test_a_broker_that_is_away_is_told(served: Served, open_page: OpenPage) -> None:
    watched = open_page(f"{served.url}/ui")
    served.producer.take_down("broker")
    watched.page.locator("#body").press("Control+Enter")
    expect(watched.page.locator("#body-note")).to_have_text(
        "The message broker is out of reach. connection refused"
    )
    assert all("503" in complaint for complaint in watched.complaints)
    watched.complaints.clear()  # browsers write of each answer that is no success


def test_a_task_that_waits_is_cancelled(served: Served, open_page: OpenPage) -> None:
    page = open_page(f"{served.url}/ui").page
    page.get_by_label("Start in").fill("90")
    task_id = enqueue(page, "{}")
    assert task_id in served.producer.due
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#task-status")).to_have_text("REVOKED")
    expect(page.locator("#task-note")).to_have_text("It will not run.")


def test_recent_tasks_are_kept_without_their_payloads(served: Served, open_page: OpenPage) -> None:
    page = open_page(f"{served.url}/ui").page
    first, second = enqueue(page, '{"password": "hunter2"}'), enqueue(page, "{}")
    page.reload()
    rows = page.locator("#recent-rows").get_by_role("button")
    expect(rows).to_have_text([second[:8], first[:8]])
    assert "hunter2" not in page.evaluate("JSON.stringify(localStorage)")

    rows.last.click()
    expect(page.locator("#task-id")).to_have_text(first)
    page.reload()
    expect(page.locator("#task-id")).to_have_text(first)
    page.get_by_role("button", name="Forget them").click()
    expect(page.get_by_text("What you enqueue in this browser")).to_be_visible()


def test_dead_letters_are_shown_requeued_and_deleted(
    served: Served, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As those of a partitioned queue, which are more than JavaScript can count.
    monkeypatch.setattr(served.dead_letters, "_numbers", itertools.count(2**55 + 1))
    numbers = bury(served, 4)
    tasks = [letter.task_id for letter in served.dead_letters.letters.values()]
    page = open_page(f"{served.url}/ui").page
    letters = page.get_by_role("region", name="Dead letters")
    expect(letters.get_by_text("<i>letter</i> 2")).to_be_visible()

    letters.get_by_role("button", name=f"Show the payload of dead letter {numbers[0]}").click()
    expect(letters.locator("pre").first).to_contain_text('"number": 12345678901234567890')
    letters.get_by_role("button", name=f"Requeue dead letter {numbers[0]}").click()
    expect(letters.get_by_role("status")).to_have_text("1 dead letter requeued.")
    expect(letters.get_by_role("heading")).to_be_focused()
    assert list(served.producer.payloads) == tasks[:1]

    letters.get_by_label(f"Choose dead letter {numbers[3]}").check()
    letters.get_by_role("button", name="Delete chosen").click()
    expect(page.get_by_role("dialog")).to_contain_text("Delete 1 dead letter for ever?")
    page.get_by_role("button", name="Keep").click()
    letters.get_by_role("button", name="Delete chosen").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(letters.get_by_role("status")).to_have_text("1 dead letter deleted.")
    assert list(served.dead_letters.letters) == numbers[1:3]

    letters.get_by_role("button", name="Requeue every one").click()
    expect(letters.get_by_text("None.")).to_be_visible()
    assert list(served.producer.payloads) == tasks[:3]


def test_every_dead_letter_is_requeued_once_though_its_job_fails_again(
    served: Served, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = bury(served, 3)
    requeue, asked = served.dead_letters.requeue, list[int]()

    async def fail_again(wanted: Sequence[int] | None) -> Settled:
        settled = await requeue(wanted)
        asked.extend(settled.done)
        bury(served, len(settled.done) if len(asked) < 100 else 0)
        return replace(settled, is_complete=wanted is not None)

    monkeypatch.setattr(served.dead_letters, "requeue", fail_again)
    letters = open_page(f"{served.url}/ui").page.get_by_role("region", name="Dead letters")
    letters.get_by_role("button", name="Requeue every one").click()
    expect(letters.get_by_role("status")).to_have_text("3 dead letters requeued.")
    assert asked == numbers


def test_many_dead_letters_are_paged(served: Served, open_page: OpenPage) -> None:
    numbers = bury(served, 21)
    page = open_page(f"{served.url}/ui").page
    boxes = page.get_by_role("checkbox", name="Choose dead letter")
    expect(boxes).to_have_count(20)
    page.get_by_role("button", name="Next page").click()
    expect(boxes).to_have_count(1)
    expect(page.get_by_label(f"Choose dead letter {numbers[20]}")).to_be_visible()
    page.get_by_role("button", name="First page").click()
    expect(boxes).to_have_count(20)


def test_load_is_counted_and_drawn_over_time(served: Served, open_page: OpenPage) -> None:
    served.gauge.known = QueueCounts(1234, 5, 6)
    watched = open_page(f"{served.url}/ui")
    page = watched.page
    expect(page.locator("#count-active")).to_have_text("1,234")
    expect(page.locator("#count-dead")).to_have_text("6")
    throughput = page.get_by_role("img", name="Jobs a second")
    expect(throughput).to_have_accessible_name("Jobs a second: accepted 0, refused 0")
    page.evaluate(
        """async () => {
          for (const body of ["{}", "{}", "[]"]) {
            await fetch("/enqueue/", {
              method: "POST", body, headers: {"Content-Type": "application/json"},
            });
          }
        }"""
    )
    expect(throughput.locator("polyline")).to_have_count(2)
    latency = page.locator("#chart-latency svg")
    expect(latency.locator("circle")).to_have_count(2)
    assert page.evaluate("document.querySelector('#chart-throughput svg').innerHTML").count("0.5")
    assert all("422" in complaint for complaint in watched.complaints)
    watched.complaints.clear()

    served.gauge.known = None
    expect(page.get_by_text("may not ask the broker")).to_be_visible()
    expect(page.locator("#count-active")).to_have_text("–")
