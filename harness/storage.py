"""Azurite, the real one from npm, as a process: Blob Storage on this machine.

Source: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.environment import cache_folder
from harness.node import Node, find_node, install_packages
from harness.processes import ManagedProcess

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's documented key; it protects nothing."""

_PACKAGE = Path(__file__).parent / "azurite"
_OF_NODE = (
    *("--require", str(_PACKAGE / "quicker.cjs")),
    "--disable-warning=DEP0040",  # of a package that Azurite uses; it tells nobody here anything
    # Azurite makes an error of each blob that is missing, whose stack nobody reads.
    "--stack-trace-limit=0",
)


class Azurite:
    """Blob Storage in a process, from construction on; ready when it is made.

    Args:
        say: Tells the person who waits for a download.
        port: 0 for a free one.
        folder: Where blobs are kept; None for memory.
        sink: Called with each line of its output.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        port: int = 0,
        folder: Path | None = None,
        sink: Callable[[str], None] | None = None,
    ) -> None:
        node = find_node(say)
        program = install_azurite(node, say) / "node_modules/azurite/dist/src/blob/main.js"
        place = ["--location", str(folder)] if folder else ["--inMemoryPersistence"]
        self.process = ManagedProcess(
            "azurite",
            [
                *(node.executable, *_OF_NODE, str(program)),
                *("--blobHost", "127.0.0.1", "--blobPort", str(port), *place),
                # The newest SDKs speak versions of the API that Azurite does not know by name.
                *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
            ],
            # What is compiled once need not be compiled at each start, of which tests make dozens.
            settings={"NODE_COMPILE_CACHE": str(cache_folder() / "node-compiled")},
            sink=sink,
        )
        try:
            ready = self.process.wait_for_line(r"listen\w* (?:at|on) http://127\.0\.0\.1:(\d+)")
        except BaseException:
            self.process.stop()
            raise
        self.port = int(ready.group(1))

    @property
    def connection_string(self) -> str:
        """For any Blob Storage SDK."""
        return connection_string(self.port)


def connection_string(port: int) -> str:
    """That of an Azurite on a port of this machine, whether it is there yet or not."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
        f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
    )


def install_azurite(node: Node, say: Callable[[str], None]) -> Path:
    """Install what `package-lock.json` pins, once; the folder that holds `node_modules`.

    Raises:
        DownloadError: npm failed.
    """
    return install_packages("azurite", _PACKAGE, node, say)
