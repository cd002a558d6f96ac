"""@azure/service-bus judges the emulator: `sdk.test.js` is run once, each of its tests is told."""

import os
import re
import subprocess
from xml.etree import ElementTree as ET

import pytest

from harness.node import find_node
from servicebus_emulator import ThreadedEmulator
from tests.integration.node.packages import FOLDER, HERE

SCRIPT = HERE / "sdk.test.js"
NAMES = re.findall(r'^test\("(.*)",', SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
PATIENCE = 100.0

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the SDK for Node.js is not here; `nox -s node` fetches it"
)


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """By the name of each test that was run, what went wrong, if anything."""
    certificate = tmp_path_factory.mktemp("node") / "emulator.pem"
    with ThreadedEmulator() as emulator:
        emulator.write_certificate(certificate)
        done = subprocess.run(  # noqa: S603 (our own script)
            [find_node(lambda _: None).executable, "--test", "--test-reporter=junit", str(SCRIPT)],
            env={
                **os.environ,  # noqa: TID251 (the node of this machine may need any of it)
                "EMULATOR_CONNECTION_STRING": emulator.connection_string,
                "EMULATOR_URL": f"http://127.0.0.1:{emulator.port}",
                "NODE_EXTRA_CA_CERTS": str(certificate),
                "NODE_PACKAGES": f"{FOLDER}{os.sep}",
            },
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
    report = done.stdout[done.stdout.find("<?xml") :]
    assert report, done.stderr
    cases = ET.fromstring(report).iter("testcase")  # noqa: S314 (of the program that we started)
    return {str(case.get("name")): case.findtext("failure") for case in cases}


@pytest.mark.parametrize("name", NAMES)
def test_the_sdk_for_node_finds_that(name: str, failures: dict[str, str | None]) -> None:
    assert failures.get(name, "it was not run") is None
