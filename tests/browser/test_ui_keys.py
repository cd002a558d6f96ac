"""The page at /ui of a service that has keys."""

from collections.abc import Callable

from playwright.sync_api import expect

from queue_app.api_keys import digest_of
from tests.browser.chromium import Watched
from tests.browser.served import served

OpenPage = Callable[..., Watched]
ALL, READ = "qk_all", "qk_read"
KEYS = f"all:enqueue+read+admin:{digest_of(ALL)} reader:read:{digest_of(READ)}"


def test_a_key_is_asked_for_and_kept_for_the_tab_only(open_page: OpenPage) -> None:
    with served(api_keys=KEYS) as api:
        watched = open_page(f"{api.url}/ui")
        page = watched.page
        expect(page.get_by_text("This service asks for a key.")).to_be_visible()
        field = page.get_by_label("API key", exact=True).and_(page.get_by_role("textbox"))
        expect(field).to_be_focused()
        field.fill("qk_wrong")
        field.press("Enter")
        expect(page.get_by_text("This key is not known here.")).to_be_visible()

        field.fill(ALL)
        field.press("Enter")
        expect(field).to_be_hidden()
        expect(page.locator("#count-active")).to_have_text("0")
        page.locator("#body").press("Control+Enter")
        expect(page.locator("#body-note")).to_have_text("Enqueued: the broker has the job.")
        task_id = page.locator("#task-id").inner_text()
        api.producer.finish(task_id, 1)
        expect(page.locator("#task-status")).to_have_text("SUCCESS")

        stored = page.evaluate("[JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
        assert [ALL in text for text in stored] == [False, True]
        assert ALL not in page.content()
        page.get_by_role("button", name="API key set").click()
        page.get_by_role("button", name="Forget", exact=True).click()
        expect(page.get_by_text("This service asks for a key.")).to_be_visible()
        assert page.evaluate("sessionStorage.length") == 0
        assert all("401" in complaint for complaint in watched.complaints)
        assert len(watched.complaints) < 15  # it is not asked again and again
        watched.complaints.clear()


def test_a_key_without_a_scope_says_what_is_missing(open_page: OpenPage) -> None:
    with served(api_keys=KEYS) as api:
        watched = open_page(f"{api.url}/ui")
        page = watched.page
        page.locator("#key").fill(READ)
        page.locator("#key").press("Enter")
        expect(page.locator("#letters-note")).to_have_text("The key has not the scope 'admin'.")
        page.locator("#body").press("Control+Enter")
        expect(page.locator("#body-note")).to_contain_text("The key has not the scope 'enqueue'.")
        expect(page.locator("#count-dead")).to_have_text("0")
        assert all("401" in text or "403" in text for text in watched.complaints)
        watched.complaints.clear()
