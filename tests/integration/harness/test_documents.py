"""The example of a test with the plugin, run as it stands in its page."""

from typing import Any

from tests.documents import snippets


def test_the_example_of_a_test_passes(servicebus: Any) -> None:
    example: dict[str, Any] = {}
    exec(snippets("docs/pytest-plugin.md", "python")[0], example)  # noqa: S102 - our own

    example["test_a_message_arrives"](servicebus)
