import io

from harness.__main__ import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_every_line_has_the_name_of_its_process_before_it() -> None:
    stream = io.StringIO()
    console = Console(stream)

    console.sink("api")("listening")
    console.sink("emulator")("ready")

    assert stream.getvalue() == "api      | listening\nemulator | ready\n"


def test_a_file_gets_no_colour() -> None:
    stream = io.StringIO()

    Console(stream).sink("worker")("ready")

    assert "\x1b" not in stream.getvalue()


def test_a_terminal_gets_names_in_colour_and_lines_without() -> None:
    stream = Terminal()

    Console(stream).sink("worker")("ready")

    assert stream.getvalue() == "\x1b[33mworker   | \x1b[0mready\n"


def test_what_the_harness_says_itself_has_no_name() -> None:
    stream = io.StringIO()

    Console(stream).say("Everything runs.")

    assert stream.getvalue() == "Everything runs.\n"
