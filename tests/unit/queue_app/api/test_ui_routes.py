import re
from html.parser import HTMLParser
from importlib.resources import files

import httpx
import pytest

from queue_app.api.application import create_app
from queue_app.producer import InMemoryProducer
from queue_app.settings import Settings
from tests.unit.queue_app.api.problem import assert_problem
from tests.unit.queue_app.conftest import LIMIT

FOLDER = files("queue_app.api") / "ui"
FILES = sorted(entry.name for entry in FOLDER.iterdir() if entry.name != "index.html")
TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class Links(HTMLParser):
    """What a page links to, and what a strict policy would not let it do."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.found += [value for name in ("href", "src") if (value := attributes.get(name))]
        self.inline += [name for name in attributes if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in attributes):
            self.inline.append(tag)


@pytest.mark.parametrize("path", ["/ui", "/ui/"])
async def test_the_page_is_html_whose_links_lead_somewhere(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    links = Links(response.text)
    assert links.inline == []
    local = [link for link in links.found if not link.startswith("#")]
    assert len(local) > 4
    for link in local:
        assert (await client.get(str(response.url.join(link)))).status_code == 200, link


async def test_the_page_knows_how_long_a_job_may_be(client: httpx.AsyncClient) -> None:
    page = (await client.get("/ui")).text
    assert f'data-max-payload-bytes="{LIMIT}"' in page
    assert "{" not in page.replace('{\n  "order"', "")


@pytest.mark.parametrize("name", FILES)
async def test_a_file_has_its_type_and_is_kept_as_long_as_it_is_the_same(
    client: httpx.AsyncClient, name: str
) -> None:
    response = await client.get(f"/ui/{name}")
    assert response.headers["content-type"].startswith(TYPES[name.rpartition(".")[2]])
    assert response.content == (FOLDER / name).read_bytes()
    assert response.headers["cache-control"] == "no-cache"
    again = await client.get(f"/ui/{name}", headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", FILES)
def test_a_file_names_no_other_host(name: str) -> None:
    names = set(re.findall(r"\w+://[\w.]+", (FOLDER / name).read_text()))
    assert names <= {"http://www.w3.org"}  # SVG's namespace, which nobody asks


@pytest.mark.parametrize(
    "path",
    ["/ui/nothing.js", "/ui/index.html", "/ui/gate.py", "/ui/__init__.py", "/ui/a/b.js"],
)
async def test_nothing_else_is_given(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 404, "not-found")


@pytest.mark.parametrize("path", ["/ui", "/ui/app.js"])
async def test_the_policy_allows_scripts_of_this_service_only(
    client: httpx.AsyncClient, path: str
) -> None:
    policy = (await client.get(path)).headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(policy)
    assert "require-trusted-types-for 'script'" in policy
    assert not [rule for rule in policy if "unsafe" in rule or "*" in rule or "http" in rule]


async def test_the_page_needs_no_key_where_others_do(
    settings: Settings, producer: InMemoryProducer
) -> None:
    values = settings.model_dump() | {"api_keys": f"a:read:{'0' * 64}"}
    app = create_app(Settings.model_validate(values), producer)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        assert (await client.get("/ui")).status_code == 200
        assert (await client.get("/ui/app.js")).status_code == 200
        assert (await client.head("/ui")).status_code == 200
        assert (await client.get("/queue")).status_code == 401
