import re
from pathlib import Path

import pytest

from servicebus_emulator.command_line import parse_options

DOCUMENT = Path(__file__).parents[3] / "docs/emulator-options.md"


def test_without_anything_it_listens_on_the_usual_port_of_this_machine() -> None:
    options = parse_options([], {})

    assert (options.host, options.port, options.profile) == ("127.0.0.1", 5672, None)
    assert (options.queue, options.trace) == ([], False)


def test_every_option_is_read_from_the_environment() -> None:
    options = parse_options(
        [],
        {
            "SERVICEBUS_EMULATOR_PORT": "1234",
            "SERVICEBUS_EMULATOR_QUEUE": "one, two",
            "SERVICEBUS_EMULATOR_PROFILE": "premium",
            "SERVICEBUS_EMULATOR_TRACE": "True",
            "SERVICEBUS_EMULATOR_IDLE_LIMITS": "0",
            "SERVICEBUS_EMULATOR_CONFIG": "/some/Config.json",
            "SERVICEBUS_EMULATOR_HOST": "",
            "SERVICEBUS_EMULATOR_IMAGE": "somebody else's",
        },
    )

    assert (options.port, options.queue, options.profile) == (1234, ["one", "two"], "premium")
    assert (options.trace, options.idle_limits) == (True, False)
    assert options.config == Path("/some/Config.json")
    assert options.host == "127.0.0.1"


def test_an_argument_wins_over_the_environment_and_queues_add_up() -> None:
    environment = {"SERVICEBUS_EMULATOR_PORT": "1", "SERVICEBUS_EMULATOR_QUEUE": "one"}
    options = parse_options(["--port", "2", "--queue", "two"], environment)

    assert (options.port, options.queue) == (2, ["one", "two"])


def test_what_is_kept_outlives_a_power_failure_where_that_is_wanted() -> None:
    kept = parse_options(["--data-dir", "kept", "--durability", "machine"], {})

    assert (kept.data_dir, kept.durability) == (Path("kept"), "machine")


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--durability", "machine"], {}),
        ([], {"SERVICEBUS_EMULATOR_DURABILITY": "process"}),
    ],
)
def test_who_keeps_nothing_cannot_say_how_long(
    arguments: list[str], environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(arguments, environment)

    assert ended.value.code == 2
    assert "nothing to keep without --data-dir" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("SERVICEBUS_EMULATOR_PORT", "http", "a number from 0"),
        ("SERVICEBUS_EMULATOR_TRACE", "perhaps", "true or false"),
        ("SERVICEBUS_EMULATOR_PROFILE", "basic", "official"),
    ],
)
def test_a_mistake_in_the_environment_is_told_with_its_variable(
    variable: str, value: str, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options([], {variable: value})

    line = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == 2
    assert variable in line
    assert wanted in line


def test_the_document_names_every_option_and_variable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--help"], {})
    told = capsys.readouterr().out
    rows = re.findall(
        r"^\| `(--[a-z-]+)[^|]*\| `(SERVICEBUS_EMULATOR_[A-Z_]+)` \|",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE,
    )

    assert {flag for flag, _ in rows} == set(re.findall(r"^  (--[a-z-]+)", told, re.MULTILINE))
    assert {name for _, name in rows} == set(re.findall(r"\[(SERVICEBUS_[A-Z_]+)\]", told))
