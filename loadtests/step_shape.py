"""Users that double at each step, to find the knee; used when Locust is given this file too."""

from __future__ import annotations

from locust import LoadTestShape


class StepShape(LoadTestShape):  # type: ignore[misc] # locust is not where types are checked
    """1, 2, 4, ... users, each step `--step-seconds` long, up to `--users`."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """How many users there shall be now; None at the end."""
        options = self.runner.environment.parsed_options
        users = 1 << int(self.get_run_time() // options.step_seconds)
        if users > options.num_users:
            return None
        return users, float(users)
