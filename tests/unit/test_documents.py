"""What the documents name is there: pages, headings, tests, sessions, options, versions."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from celery_azure.options import Options

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")],
)
_CODE = re.compile(r"```.*?```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of headings."""
    headings = re.findall(r"^#+ (.*)$", _CODE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {
        re.sub(r"[^\w -]", "", _LINK.sub("", heading.lower())).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_tests_that_prove_a_claim_exist() -> None:
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    page = (ROOT / "docs/celery-transport.md").read_text("utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    assert named
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_sessions_exist() -> None:
    defined = set(
        re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    )
    named = {
        name for page in PAGES for name in re.findall(r"nox -s \"?(\w+)", page.read_text("utf-8"))
    }
    assert named - defined <= {"property"}  # whose function cannot have that name


def test_the_transports_options_are_those_that_it_has() -> None:
    page = (ROOT / "docs/celery-transport.md").read_text("utf-8")
    section = page.partition("## Options")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| ([^|]*?) ?\|", section, re.MULTILINE))
    assert set(told) == {field.name for field in dataclasses.fields(Options)}
    for field in dataclasses.fields(Options):
        default = "" if field.default is None else field.default
        shown = told[field.name].strip("`")
        assert shown == f"{default:g}" if isinstance(default, float) else shown == str(default)


def test_versions_are_those_that_are_wanted_and_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pythons = [line.rpartition(" ")[2] for line in project["classifiers"] if "Python :: 3." in line]
    locked = {
        package["name"]: package.get("version")
        for package in tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    }
    page = (ROOT / "docs/migrating.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([\w-]+)[^|]* \| [^|]* \| ([^|]+) \|$", page, re.MULTILINE))
    assert rows["Python"] == ", ".join(pythons)
    for name in ("Celery", "kombu", "azure-servicebus"):
        assert str(locked[name.lower()]).startswith(f"{rows[name]}.")
