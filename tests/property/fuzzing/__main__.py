"""Fuzz the emulator: `python -m tests.property.fuzzing [--minutes N] [--target NAME] [--seed N]`.

Inputs that show something new are kept in `tests/property/corpus`, which `test_corpus.py` runs
again with every test run. What the emulator must not do is kept there as well, and told at once.
At its end a run removes those of its own that show nothing which others do not.
"""

import argparse
import hashlib
import random
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from tests.property.fuzzing.mutations import mutate
from tests.property.fuzzing.targets import TARGETS, Sight, Target

CORPUS = Path(__file__).parent.parent / "corpus"
_REPORT_SECONDS = 60.0
_SLOW_SECONDS = 5.0  # of CPU, for one input


class Fuzzer:
    """One target, its corpus, and what was seen of it so far."""

    def __init__(self, name: str, target: Target, chance: random.Random) -> None:
        self.name = name
        self.executions = 0
        self.failures = 0
        self._target = target
        self._chance = chance
        self._seen: set[str] = set()
        self._inputs: list[bytes] = []
        for data in (*target.seeds(), *corpus(name)):
            if (sight := self._run(data)) is not None:
                self._seen |= sight
                self._inputs.append(data)
        self._known = frozenset(self._seen)
        self._found: dict[Path, Sight] = {}

    def step(self) -> None:
        """Try a spoilt input; keep it if it shows something new."""
        data = mutate(
            self._chance,
            self._chance.choice(self._inputs),
            self._inputs,
            framed=self._target.framed,
        )
        sight = self._run(data)
        if sight is not None and not sight <= self._seen:
            self._seen |= sight
            self._inputs.append(data)
            self._found[self._keep(data)] = sight

    def thin(self) -> None:
        """Of what this run has found, keep only what it takes to show all of it again."""
        missing = self._seen - self._known
        needed: set[Path] = set()
        while missing:
            most = max(self._found, key=lambda path: len(self._found[path] & missing))
            needed.add(most)
            missing -= self._found[most]
        for path in self._found.keys() - needed:
            path.unlink()

    def report(self) -> str:
        """One line."""
        return (
            f"{self.name}: {self.executions} executions, {len(self._inputs)} inputs, "
            f"{len(self._seen)} sights, {self.failures} failures"
        )

    def _run(self, data: bytes) -> Sight | None:
        self.executions += 1
        begin = time.process_time()
        try:
            sight = self._target.run(data)
            assert time.process_time() - begin < _SLOW_SECONDS, "far too slow"
        except Exception:  # noqa: BLE001 (whatever it is, it must not be)
            self.failures += 1
            _say(f"{self.name}: failed on {self._keep(data).name}\n{traceback.format_exc()}")
            return None
        return sight

    def _keep(self, data: bytes) -> Path:
        folder = CORPUS / self.name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
        path.write_bytes(data)
        return path


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def corpus(name: str) -> Iterable[bytes]:
    """The inputs that are kept for a target."""
    return (path.read_bytes() for path in sorted((CORPUS / name).glob("*.bin")))


def main() -> int:
    """Fuzz; the exit code says whether something failed."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Fuzz the emulator.")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--target", choices=[*TARGETS], action="append")
    parser.add_argument("--seed", type=int, default=None, help="of the draws")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    fuzzers = [Fuzzer(name, TARGETS[name], chance) for name in options.target or TARGETS]
    end = time.monotonic() + options.minutes * 60
    next_report = time.monotonic() + _REPORT_SECONDS
    while time.monotonic() < end:
        for fuzzer in fuzzers:
            for _ in range(10):
                fuzzer.step()
        if time.monotonic() >= next_report:
            next_report += _REPORT_SECONDS
            _say("\n".join(fuzzer.report() for fuzzer in fuzzers))
    for fuzzer in fuzzers:
        fuzzer.thin()
    _say("\n".join(fuzzer.report() for fuzzer in fuzzers))
    return int(any(fuzzer.failures for fuzzer in fuzzers))


if __name__ == "__main__":
    sys.exit(main())
