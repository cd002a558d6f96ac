import re
from importlib.resources import files

import pytest

from tests.unit.servicebus_emulator.server.test_http_answers import House

FOLDER = files("servicebus_emulator.server") / "page"
TYPES = {
    "/emulator": ("index.html", "text/html; charset=utf-8"),
    "/emulator/": ("index.html", "text/html; charset=utf-8"),
    "/emulator/page.css": ("page.css", "text/css; charset=utf-8"),
    "/emulator/page.js": ("page.js", "text/javascript; charset=utf-8"),
}


@pytest.mark.parametrize("path", TYPES)
def test_each_file_of_the_page_is_given_with_its_type(path: str) -> None:
    name, media_type = TYPES[path]
    response = House().ask("GET", f"{path}?x=y")

    assert (response.status, response.headers["Content-Type"]) == (200, media_type)
    assert response.body == (FOLDER / name).read_bytes()


def test_these_are_all_files() -> None:
    assert {entry.name for entry in FOLDER.iterdir()} == {name for name, _ in TYPES.values()}


@pytest.mark.parametrize("path", TYPES)
def test_a_policy_allows_nothing_from_elsewhere(path: str) -> None:
    headers = House().ask("GET", path).headers
    rules = headers["Content-Security-Policy"].split("; ")

    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(rules)
    assert not [rule for rule in rules if "unsafe" in rule or "*" in rule or "http" in rule]
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")


def test_the_page_holds_nothing_that_the_policy_forbids() -> None:
    page = (FOLDER / "index.html").read_text()
    linked = set(re.findall(r'(?:href|src)="(/[^"]*)"', page))

    assert linked == set(TYPES) - {"/emulator", "/emulator/"}
    assert not re.search(r"<style|<script(?![^>]*src=)|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("name", ["index.html", "page.css", "page.js"])
def test_the_page_names_no_other_host(name: str) -> None:
    hosts = set(re.findall(r"\w+://[\w.]+", (FOLDER / name).read_text()))

    assert hosts <= {"http://www.w3.org"}  # SVG's namespace, which nobody asks


def test_a_link_from_another_site_may_lead_to_the_page() -> None:
    assert House().ask("GET", "/emulator/", sec_fetch_site="cross-site").status == 200
    assert House().ask("GET", "/emulator/clock", sec_fetch_site="cross-site").status == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/emulator/", 404),
        ("GET", "/emulator/index.html", 404),
        ("HEAD", "/emulator/", 200),
    ],
)
def test_the_page_can_only_be_read(method: str, path: str, status: int) -> None:
    assert House().ask(method, path).status == status
