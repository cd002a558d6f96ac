"""What GitHub runs: actions that exist, pinned to commits, with no more rights than they need."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
FILES = [*WORKFLOWS, *sorted(ROOT.glob(".github/actions/*/action.yml"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name + "/" + file.name)
def test_every_action_is_here_or_pinned_to_a_commit_whose_version_is_told(file: Path) -> None:
    used = re.findall(r"uses: (.+)", file.read_text("utf-8"))

    assert used
    for action in used:
        if action.startswith("./"):
            assert (ROOT / action / "action.yml").exists(), action
        else:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_read_the_repository_and_nothing_else(file: Path) -> None:
    workflow: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))

    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert "permissions" not in job, name
        assert job["timeout-minutes"] <= 60, name
        checkouts = [step for step in job["steps"] if "actions/checkout@" in step.get("uses", "")]
        assert [step["with"] for step in checkouts] == [{"persist-credentials": False}], name
