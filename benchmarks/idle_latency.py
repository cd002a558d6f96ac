"""How long a job takes on an idle system: from POST to the SUCCESS that polling shows.

    python -m benchmarks.idle_latency http://127.0.0.1:8001

The samples run one after the other, so nothing waits in the queue. `GET /` on the same
connection is measured in turn, as the floor of the HTTP stack on this machine.
"""

from __future__ import annotations

import sys
import time

import httpx

from benchmarks.figures import row

SAMPLES = 50
WARM_UP = 3
DEADLINE_SECONDS = 30


def _milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1000


def _post_until_success(client: httpx.Client, number: int) -> tuple[float, float]:
    """Enqueue one job and poll without pause; return ms until 200, and until SUCCESS."""
    begin = time.perf_counter()
    posted = client.post("/enqueue/", json={"number": number})
    posted.raise_for_status()
    accepted = _milliseconds_since(begin)
    status_url = posted.headers["location"]
    while _milliseconds_since(begin) < DEADLINE_SECONDS * 1000:
        status = client.get(status_url).raise_for_status().json()["status"]
        if status == "SUCCESS":
            return accepted, _milliseconds_since(begin)
        if status == "FAILURE":
            raise RuntimeError(f"job {number} failed")
    raise TimeoutError(f"job {number} did not end within {DEADLINE_SECONDS} s")


def main(url: str) -> None:
    """Measure and print the table."""
    floor: list[float] = []
    accepted: list[float] = []
    succeeded: list[float] = []
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        for number in range(WARM_UP + SAMPLES):
            begin = time.perf_counter()
            client.get("/").raise_for_status()
            floor_sample = _milliseconds_since(begin)
            accepted_sample, success_sample = _post_until_success(client, number)
            if number >= WARM_UP:
                floor.append(floor_sample)
                accepted.append(accepted_sample)
                succeeded.append(success_sample)
    print(row("GET /", floor, "ms"))
    print(row("POST /enqueue/ until the broker has it", accepted, "ms"))
    print(row("POST /enqueue/ until SUCCESS is seen", succeeded, "ms"))


if __name__ == "__main__":
    main(sys.argv[1])
