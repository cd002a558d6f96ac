import contextlib
import os
import signal
import sys

import pytest

from harness.processes import ManagedProcess, ProcessDiedError, start_both
from harness.waiting import wait_until

FOREVER = "import signal; print('ready', flush=True); signal.pause()"
FAMILY = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {FOREVER!r}])
print("child", child.pid, flush=True)
child.wait()
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + FOREVER

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX")


def python(code: str, **options: object) -> ManagedProcess:
    return ManagedProcess("child", [sys.executable, "-c", code], **options)  # type: ignore[arg-type] # options of the constructor


def is_alive(pid: int) -> bool:
    """Whether it runs: an orphan that has ended may wait for the system to collect it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until_gone(pid: int) -> None:
    wait_until(lambda: not is_alive(pid), f"the end of process {pid}")


def test_finds_a_line_that_is_already_written() -> None:
    with python(FOREVER) as process:
        process.wait_for_line("ready")
        assert process.wait_for_line(r"re(a)dy").group(1) == "a"


def test_hands_every_line_to_the_sink_in_order() -> None:
    lines: list[str] = []
    with python("print('one'); print('two')", sink=lines.append) as process:
        process.wait()
    assert lines == ["one", "two"]


def test_keeps_what_goes_to_standard_error_too() -> None:
    with python("import sys; print('bad', file=sys.stderr)") as process:
        process.wait()
        assert process.output == "bad"


def test_a_wait_ends_when_the_process_does_and_shows_its_last_lines() -> None:
    code = "import sys; print('no port left'); sys.exit(3)"
    with (
        python(code) as process,
        pytest.raises(ProcessDiedError, match=r"child ended with exit code 3:\nno port left"),
    ):
        process.wait_for_line("ready", timeout=30)


def test_a_wait_that_is_too_long_shows_the_last_lines() -> None:
    with python(FOREVER) as process:
        process.wait_for_line("ready")
        with pytest.raises(TimeoutError, match=r"never.*its last lines:\nready"):
            process.wait_for_line("never", timeout=0.05)


def test_stop_asks_first() -> None:
    code = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7));" + FOREVER
    with python(code) as process:
        process.wait_for_line("ready")
        assert process.stop() == 7


def test_stop_ends_what_does_not_listen() -> None:
    with python(DEAF) as process:
        process.wait_for_line("ready")
        assert process.stop(timeout=0.1) == -9


def test_stop_may_be_called_again() -> None:
    with python(FOREVER) as process:
        process.wait_for_line("ready")
        assert process.stop() == process.stop() == -signal.SIGTERM


@pytest.mark.parametrize("end", [ManagedProcess.stop, ManagedProcess.kill])
def test_children_end_with_it(end: object) -> None:
    with python(FAMILY) as process:
        child = int(process.wait_for_line(r"child (\d+)").group(1))
        process.wait_for_line("ready")
        assert callable(end)
        end(process)
        wait_until_gone(child)


def test_a_process_whose_harness_was_killed_ends_too() -> None:
    parent = f"""
import signal, sys
from harness.processes import ManagedProcess
child = ManagedProcess("grandchild", [sys.executable, "-c", {FOREVER!r}])
child.wait_for_line("ready")
print("grandchild", child.pid, flush=True)
signal.pause()
"""
    with python(parent) as process:
        grandchild = int(process.wait_for_line(r"grandchild (\d+)").group(1))
        try:
            process.kill()
            wait_until_gone(grandchild)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(grandchild, 9)


def start(code: str, started: list[ManagedProcess]) -> tuple[ManagedProcess, str]:
    started.append(python(code))
    return started[-1], started[-1].wait_for_line("ready").group()


def test_two_are_started_at_the_same_time() -> None:
    started: list[ManagedProcess] = []
    (one, _), (two, _) = start_both(
        lambda: start(FOREVER, started), lambda: start(FOREVER, started)
    )
    with one, two:
        assert (one.exit_code, two.exit_code) == (None, None)


def test_when_one_cannot_start_the_other_is_stopped() -> None:
    started: list[ManagedProcess] = []
    with pytest.raises(ProcessDiedError, match="child ended with exit code 0"):
        start_both(lambda: start(FOREVER, started), lambda: start("", started))
    assert None not in [process.exit_code for process in started]
