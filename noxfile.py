"""Every verb of the project, as a nox session; `nox -l` lists them with what they do.

All sessions share one environment, `.nox/dev-<python>`, made from `requirements-dev.txt` with uv
where there is one, else with venv and pip; it is made anew when that file changes. Those that
measure have `.nox/measure-<python>`, so that who only tests installs no load generator; the one
that needs a browser's driver has `.nox/browser-<python>`; and `.nox/oldest-<python>` has the oldest
versions that `pyproject.toml` allows.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nox
from nox.command import CommandFailed
from packaging.requirements import Requirement

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "contracts", "lock", "tests"]

ROOT = Path(__file__).parent
_VARIABLES = {
    "PYTHONPATH": str(ROOT),
    "PYTHONUTF8": "1",  # files are UTF-8, on Windows too
    # Images of containers like to forbid bytecode; without it each of the many processes that are
    # started here would compile all of Celery or FastAPI, which takes most of its start.
    "PYTHONDONTWRITEBYTECODE": "",
}
_EXPORT = ["export", "--quiet", "--frozen", "--no-emit-project", "--no-hashes", "--no-header"]
_EXPORT += ["--extra", "service"]
_EXPORTED = {
    "requirements.txt": ["--no-dev"],
    "requirements-dev.txt": ["--group", "dev"],
    "requirements-image.txt": ["--no-dev", "--extra", "otel"],
    "requirements-measure.txt": ["--no-default-groups", "--group", "measure"],
    "requirements-browser.txt": ["--no-default-groups", "--group", "browser"],
}
# The lock has one version of each package, the newest.
_OLDEST = ["pip", "compile", "--quiet", "--no-header", "--universal", "--python-version", "3.11"]
_OLDEST += ["--resolution", "lowest-direct", "--extra", "service", "--group", "test"]
_OLDEST += ["pyproject.toml"]
_SCHEMAS = {
    "docker-compose.yml": "vendor.compose-spec",
    "docker-compose.emulators.yml": "vendor.compose-spec",
    ".github/workflows/ci.yml": "vendor.github-workflows",
    ".github/actions/set-up/action.yml": "vendor.github-actions",
    ".github/dependabot.yml": "vendor.dependabot",
}
# In the order of the folders, the slow ones first: else files with few tests, which may be long,
# come last, and one process waits for the other.
_PARALLEL = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
# With its ending: on Windows, Python 3.11 finds no program of a folder without it.
_PROGRAMS, _EXE = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")


def _environment(session: nox.Session, kind: str = "dev") -> Path:
    """Make an environment if it is missing or old; the folder of its programs."""
    requirements = ROOT / f"requirements-{kind}.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    folder = ROOT / ".nox" / f"{kind}-{sys.version_info.major}.{sys.version_info.minor}"
    programs = folder / _PROGRAMS
    stamp = folder / "requirements.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return programs
    session.log(f"Making {folder.relative_to(ROOT)} (once)")
    _new_environment(session, folder, "--no-deps", "-r", str(requirements))  # the list is whole
    stamp.write_text(wanted)
    return programs


def _new_environment(session: nox.Session, folder: Path, *requirements: str) -> Path:
    """Make an environment from nothing, with uv where there is one; the folder of its programs."""
    programs = folder / _PROGRAMS
    shutil.rmtree(folder, ignore_errors=True)
    if uv := shutil.which("uv"):
        python = ["--python", sys.executable]
        session.run(uv, "venv", "--quiet", *python, str(folder), external=True)
        python = ["--python", str(programs / f"python{_EXE}")]
        install = [uv, "pip", "install", "--quiet", *python]
    else:
        session.run(sys.executable, "-m", "venv", str(folder), external=True)
        install = [str(programs / f"python{_EXE}"), "-m", "pip", "install", "--quiet"]
        install += ["--disable-pip-version-check"]
    session.run(*install, *requirements, external=True)
    return programs


def _python(session: nox.Session, *arguments: str, kind: str = "dev") -> None:
    """Run Python in an environment, at the root of the project."""
    program = _environment(session, kind) / f"python{_EXE}"
    session.run(str(program), *arguments, external=True, env=_VARIABLES)


def _harness(session: nox.Session, command: str) -> None:
    """Run the harness until it is stopped; Ctrl-C reaches it too, and it needs time to clean up."""
    program = _environment(session) / f"python{_EXE}"
    session.run(
        *(str(program), "-m", "harness", command, "--with-parent"),
        external=True,
        env=_VARIABLES,
        interrupt_timeout=60,
        terminate_timeout=60,
    )


def _pytest(session: nox.Session, *arguments: str) -> None:
    _python(session, "-m", "pytest", *arguments, *session.posargs)


def _fetch(session: nox.Session) -> None:
    """Download what the emulators need now, and not in the middle of a test."""
    _python(session, "-m", "harness", "fetch")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting (ruff, schemas); `nox -s lint -- --fix` mends what it can."""
    _python(session, "-m", "ruff", "check", *session.posargs)
    is_check = [] if session.posargs else ["--check", "--diff"]
    _python(session, "-m", "ruff", "format", *is_check)
    for name, schema in _SCHEMAS.items():
        _python(session, "-m", "check_jsonschema", "--quiet", "--builtin-schema", schema, name)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types, strictly (mypy); `nox -s types -- --platform win32` as on Windows."""
    _python(session, "-m", "mypy", *session.posargs)


@nox.session
def contracts(session: nox.Session) -> None:
    """Check who imports whom (import-linter)."""
    command = "from importlinter.cli import lint_imports_command as lint; lint()"
    _python(session, "-c", command, *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Check that the lock and its exports agree; `nox -s lock -- --update` renews all of them."""
    uv = str(_environment(session) / f"uv{_EXE}")
    if "--update" in session.posargs:
        session.run(uv, "lock", "--upgrade", external=True)
    else:
        session.run(uv, "lock", "--check", "--quiet", external=True)
    for name, groups in _EXPORTED.items():
        exported = session.run(uv, *_EXPORT, *groups, external=True, silent=True, stderr=None)
        if "--update" in session.posargs:
            (ROOT / name).write_text(str(exported))
        elif (ROOT / name).read_text() != exported:
            session.error(f"{name} is not what the lock says; run: nox -s lock -- --update")
    minima = ROOT / "requirements-oldest.txt"
    if "--update" in session.posargs:
        resolved = session.run(uv, *_OLDEST, external=True, silent=True, stderr=None)
        minima.write_text(str(resolved))
    if untrue := _untrue_minima(minima.read_text()):
        session.error(f"{minima.name} has other minima than pyproject.toml: {', '.join(untrue)}")


def _untrue_minima(pinned: str) -> list[str]:
    """Which requirements of `_OLDEST` do not begin with the version that is pinned for them.

    They are compared, since to resolve them again would ask the index, whose answer changes.
    """
    written = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups, project = written["dependency-groups"], written["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["service"]]
    wanted += [each for each in groups["test"] + groups["harness"] if isinstance(each, str)]
    lines = [line for line in pinned.splitlines() if not line.lstrip().startswith("#")]
    pins = {pin.name: pin.specifier for pin in map(Requirement, lines)}
    untrue: list[str] = []
    for requirement in map(Requirement, wanted):
        minimum = next(each.version for each in requirement.specifier if each.operator == ">=")
        pin = pins.get(requirement.name)
        if pin is None or not pin.contains(minimum, prereleases=True):
            untrue.append(str(requirement))
    return untrue


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test: unit, property and integration, in parallel."""
    _fetch(session)
    _pytest(session, *_PARALLEL)


@nox.session
def repeat(session: nox.Session) -> None:
    """Run every test ten times, and see each time that nothing is left (`-- --times 3`)."""
    _fetch(session)
    _python(session, "-m", "tests.repeat", *_PARALLEL, *session.posargs)


@nox.session
def unit(session: nox.Session) -> None:
    """Run the unit tests: no sockets, no waiting, seconds."""
    _pytest(session, "tests/unit", *_PARALLEL)


@nox.session
def oldest(session: nox.Session) -> None:
    """Run the unit tests and the transport's with the oldest versions that are allowed."""
    _python(session, "-m", "harness", "fetch", kind="oldest")
    run = ["-m", "pytest", "tests/unit", "tests/integration/transport", *_PARALLEL]
    _python(session, *run, *session.posargs, kind="oldest")


@nox.session
def cover(session: nox.Session) -> None:
    """See that the unit tests leave out no branch of the emulator's rooms without I/O."""
    rooms = ("admin", "amqp", "broker", "control", "nodes")
    sources = ",".join(f"servicebus_emulator.{room}" for room in rooms)
    run = ["-m", "coverage", "run", "--branch", f"--source={sources}"]
    _python(session, *run, "-m", "pytest", "-q", "tests/unit/servicebus_emulator")
    _python(session, "-m", "coverage", "report", "--fail-under=100", *session.posargs)


@nox.session(name="property")
def property_tests(session: nox.Session) -> None:
    """Run the property tests (Hypothesis)."""
    _pytest(session, "tests/property", *_PARALLEL)


@nox.session
def thorough(session: nox.Session) -> None:
    """Run the property tests with thousands of examples each, and the pipeline's; takes long."""
    _fetch(session)
    profile = ["--hypothesis-profile=thorough", "--timeout=3600"]
    _pytest(session, "tests/property", *_PARALLEL, *profile)
    _pytest(session, "tests/integration/pipeline/test_payloads.py", *profile)


@nox.session
@nox.parametrize(
    "stack", [nox.param("embedded", id="embedded"), nox.param("containers", id="containers")]
)
def integration(session: nox.Session, stack: str) -> None:
    """Run the integration tests: on our emulators, then on the official ones in containers.

    `nox -s "integration(containers)"` alone needs a container engine, and ACCEPT_EULA=Y; together
    with the other one it is left out where they are missing, and says so.
    """
    if stack == "embedded":
        _fetch(session)
        _pytest(session, "tests/integration", *_PARALLEL)
        return
    is_asked_for = any("containers" in argument for argument in sys.argv)
    if not is_asked_for and (reason := _why_no_containers(session)):
        session.skip(f"containers are left out: {reason}")
    # One stack for all tests: an official emulator takes ten connections, and gigabytes.
    _pytest(session, "tests/integration", "--stack=containers")


def _why_no_containers(session: nox.Session) -> str:
    """One line, or nothing when they can run here."""
    answer = subprocess.run(  # noqa: S603 - the harness itself
        [str(_environment(session) / f"python{_EXE}"), "-m", "harness", "containers"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() if answer.returncode else ""


@nox.session
def browser(session: nox.Session) -> None:
    """Try the pages in a real browser; `-- --screenshots` renews those in docs/images."""
    search = str(_environment(session, "browser") / "python"), "-m", "tests.browser.chromium"
    missing = str(session.run(*search, external=True, silent=True, success_codes=[0, 1])).strip()
    if missing:
        session.log(f"{missing} Downloading one.")
        with contextlib.suppress(CommandFailed):
            _python(session, "-m", "playwright", "install", "chromium", kind="browser")
        session.run(*search, external=True)
    _python(session, "-m", "harness", "fetch", kind="browser")
    if "--screenshots" in session.posargs:
        _python(session, "-m", "tests.browser.screenshots", kind="browser")
    else:
        _python(session, "-m", "pytest", "tests/browser", *session.posargs, kind="browser")


@nox.session
def node(session: nox.Session) -> None:
    """Let the SDK for Node.js judge the emulator; fetches it once."""
    _python(session, "-m", "tests.integration.node.packages")
    _pytest(session, "tests/integration/node")


@nox.session
def examples(session: nox.Session) -> None:
    """Install this package as anybody would, and run the example project's tests with it."""
    _fetch(session)
    folder = ROOT / ".nox" / "examples"
    programs = _new_environment(session, folder, str(ROOT), "pytest")
    session.chdir(ROOT / "examples/plain_celery")
    session.run(
        *(str(programs / f"python{_EXE}"), "-m", "pytest", *session.posargs),
        external=True,
        env={"HARNESS_CACHE_DIR": str(ROOT / ".cache"), "PYTHONPATH": ""},
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, side by side with others; tables here, plots in output/bench (-- --quick)."""
    _python(session, "-m", "harness", "fetch", kind="measure")
    _python(session, "-m", "benchmarks", *session.posargs, kind="measure")


@nox.session
def load(session: nox.Session) -> None:
    """Put the API under load with Locust; summary here, pictures in output/load (-- --help)."""
    _python(session, "-m", "harness", "fetch", kind="measure")
    _python(session, "-m", "loadtests", *session.posargs, kind="measure")


@nox.session
def up(session: nox.Session) -> None:
    """Run the whole system: emulators, worker, and the API on http://127.0.0.1:8001."""
    _harness(session, "up")


@nox.session
def emulators(session: nox.Session) -> None:
    """Run the two emulators only, and print the lines for `.env`."""
    _harness(session, "emulators")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz the emulator and keep what shows something new; `nox -s fuzz -- --minutes 60`."""
    _python(session, "-m", "tests.property.fuzzing", *session.posargs)
