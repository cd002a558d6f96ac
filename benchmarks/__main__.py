"""`python -m benchmarks`: start what is measured, measure, print the tables."""

from __future__ import annotations

from benchmarks import emulator_start, idle_latency
from harness.embedded import EmbeddedStack
from harness.live import start_api, start_worker


def main() -> None:
    """Run every measurement on the embedded stack."""
    emulator_start.main()
    with EmbeddedStack(print, queues=("bench",)) as stack:
        settings = stack.endpoints.settings("bench")
        with start_worker(settings):
            api, url = start_api(settings)
            with api:
                idle_latency.main(url)


if __name__ == "__main__":
    main()
