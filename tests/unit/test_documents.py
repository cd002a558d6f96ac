"""What the documents name is there: pages, headings, tests, options, imports, commands."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import shlex
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from celery_azure.options import Options
from celery_azure.results import BlobBackend
from celery_azure.transport import Transport
from queue_app.__main__ import _parser
from servicebus_emulator.command_line import parse_options
from tests.documents import PAGES, ROOT, name_of, snippets

if TYPE_CHECKING:
    from pathlib import Path

CHANGES = ROOT / "CHANGELOG.md"  # it names commands without what they need
_CODE = re.compile(r"```.*?```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


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
    newest, oldest = (
        dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements.txt", "requirements-oldest.txt")
    )
    page = (ROOT / "docs/migrating.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([\w-]+)[^|]* \| [^|]* \| ([^|]+) \|$", page, re.MULTILINE))
    assert rows["Python"] == ", ".join(pythons)
    for name in ("Celery", "kombu", "azure-servicebus"):
        versions = (oldest[name.lower()], newest[name.lower()])
        minors = [version.rpartition(".")[0] for version in versions]
        assert rows[name] == ", ".join(dict.fromkeys(minors))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_snippets_import_is_there(page: Path) -> None:
    for snippet in snippets(page, "python"):
        for node in ast.walk(ast.parse(snippet)):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
            elif isinstance(node, ast.ImportFrom):
                module = importlib.import_module(str(node.module))
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page != CHANGES], ids=name_of)
def test_commands_are_understood(page: Path) -> None:
    shown = r"python -m (queue_app|servicebus_emulator) ([^`\n…]+)"
    commands = re.findall(shown, page.read_text("utf-8"))
    for program, line in commands:
        arguments = shlex.split(line, comments=True)
        if program == "queue_app":
            _parser().parse_args(arguments)
        else:
            parse_options(arguments, {})


def test_a_project_of_ones_own_gets_this_transport_and_this_backend() -> None:
    project: dict[str, Any] = {}
    exec(snippets("README.md", "python")[0], project)  # noqa: S102 - our own
    app = project["app"]

    assert isinstance(app.backend, BlobBackend)
    with app.connection_for_write() as connection:
        assert isinstance(connection.transport, Transport)


def test_a_project_that_migrates_writes_kombus_messages() -> None:
    project: dict[str, Any] = {}
    exec("from celery import Celery\n\napp = Celery()\n", project)  # noqa: S102
    exec(snippets("docs/migrating.md", "python")[0], project)  # noqa: S102

    with project["app"].connection_for_write() as connection:
        assert Options.read(connection.transport_options).message_format == "kombu"
