from types import SimpleNamespace
from typing import Any

import pytest

from harness import pytest_plugin
from harness.azure import VARIABLES


def config(stack: str, **more: object) -> Any:
    """As much of a `pytest.Config` as the plugin asks."""
    return SimpleNamespace(
        getoption={"stack": stack}.__getitem__, addinivalue_line=lambda *_: None, **more
    )


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_variables")
def test_a_stack_that_cannot_run_is_an_error_of_one_line_before_anything_is_collected() -> None:
    with pytest.raises(pytest.UsageError) as caught:
        pytest_plugin.pytest_configure(config("azure"))

    assert str(caught.value) == f"--stack azure: set {', '.join(VARIABLES)}"


@pytest.mark.usefixtures("no_variables")
def test_a_worker_of_xdist_does_not_say_it_again() -> None:
    pytest_plugin.pytest_configure(config("azure", workerinput={}))


def test_the_variables_alone_do_not_choose_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "x")
    parser = pytest.Parser(_ispytest=True)
    pytest_plugin.pytest_addoption(parser)

    assert parser.parse([]).stack == "embedded"


def test_the_header_says_which_stack_and_which_clients() -> None:
    stack, clients = pytest_plugin.pytest_report_header(config("embedded"))

    assert stack.startswith("stack: embedded: servicebus_emulator, Azurite 3")
    assert "azure-servicebus 7." in clients


def test_what_needs_the_embedded_stack_is_left_out_on_others() -> None:
    left_out: list[object] = []

    def pytest_deselected(items: list[object]) -> None:
        left_out.extend(items)

    hook = SimpleNamespace(pytest_deselected=pytest_deselected)
    ours: Any = SimpleNamespace(get_closest_marker=lambda name: name)
    any_stack: Any = SimpleNamespace(get_closest_marker=lambda _: None)
    items = [ours, any_stack]

    pytest_plugin.pytest_collection_modifyitems(config("embedded", hook=hook), items)
    assert items == [ours, any_stack]

    pytest_plugin.pytest_collection_modifyitems(config("containers", hook=hook), items)
    assert (items, left_out) == ([any_stack], [ours])
