"""The SDK for Node.js as `package-lock.json` pins it; run as a module, this fetches it."""

import sys
from pathlib import Path

from harness.downloads import DownloadError
from harness.node import find_node, install_packages, packages_folder

HERE = Path(__file__).parent
_NAME = "node-sdk"
FOLDER = packages_folder(_NAME, HERE)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    try:
        install_packages(_NAME, HERE, find_node(_say), _say)
    except DownloadError as failure:
        sys.exit(str(failure))
