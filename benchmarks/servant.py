"""A child process that measures when it is told to: a line of JSON asks, a line answers.

A child is kept for a whole measurement, so that neither its imports nor the opening of its links
is measured, and so that contenders can take turns. It ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

from harness.environment import child_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

Answer = dict[str, Any]


class ServantError(RuntimeError):
    """A child failed, or ended without an answer."""


class Servant:
    """The parent's end of a child that runs `serve`.

    Args:
        module: What `python -m` runs.
        arguments: Its command line.
        settings: What its environment has beside ours.
    """

    def __init__(
        self, module: str, *arguments: str, settings: Mapping[str, str] | None = None
    ) -> None:
        self.module = module
        self._process = subprocess.Popen(  # noqa: S603 - modules of this package
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None,
            env=child_environment(settings or {}),
            text=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, **question: Any) -> Answer:
        """Let it measure; what it answers.

        Raises:
            ServantError: It failed.
        """
        self.tell(**question)
        return self.answer()

    def tell(self, **question: Any) -> None:
        """Let it begin; fetch what it says with `answer`."""
        if self._process.stdin is None:
            raise ServantError(f"{self.module} has no standard input")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Answer:
        """Wait for what it says.

        Raises:
            ServantError: It failed.
        """
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise ServantError(f"{self.module} ended with exit code {self._process.wait(10)}")
        answer: Answer = json.loads(line)
        if "error" in answer:
            raise ServantError(f"{self.module}: {answer['error']}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def serve(handlers: Mapping[str, Callable[..., Answer]]) -> None:
    """Answer questions until standard input ends; `do` names the handler."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = handlers[question.pop("do")](**question)
        except Exception as error:  # noqa: BLE001 - the parent shall say what happened
            answer = {"error": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(answer) + "\n")
        out.flush()
    os._exit(0)  # clients of brokers may have threads that do not end
