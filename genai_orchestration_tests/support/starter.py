"""A process that starts others at once: it has imported all that they need, and opened nothing.

    python -m genai_orchestration_tests.support.starter

It reads a JSON object a line. One with a `process` waits for that one and is answered with its exit
code, below zero for a signal; any other starts a process (see `Order`) and is answered with its id.
"""

import functools
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

from genai_orchestration import clock
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers import all_providers, provider_named
from genai_orchestration_tests.support import deaths, lives
from genai_orchestration_tests.support.submitters import child, ended, say

LONGEST = 60  # seconds that a process may live
LATE = (  # what is else imported when it is needed: by each process again
    "dlt.common.libs.pyarrow",
    "dlt.destinations.impl.duckdb.duck",
    "dlt.sources.helpers.requests",
    "pendulum.locales.en.locale",
    "pyarrow.compute",
    "pyarrow.parquet",
    "sqlalchemy.dialects.sqlite",
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a process is to do, when, and where it dies of it."""

    life: str  # of lives.LIVES
    provider: str
    now: str  # ISO 8601: when it starts
    sandbox: str = ""  # whose clock goes with the process's
    began: float = 0.0  # when `now` was, in Unix seconds
    faster: float = 0.0  # than the world, for a clock that goes by itself
    death: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def time(self) -> lives.Time:
        """The time in which the process lives."""
        now = datetime.fromisoformat(self.now)
        if self.faster:
            return lives.Hurried(now, self.began, self.faster)
        return lives.HandMoved(now, self.sandbox)


class Starter:
    """The other end of that process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", __name__],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, order: Order) -> int:
        """Start a process; its id."""
        return int(self._ask(asdict(order)))

    def ended(self, process: int) -> int:
        """Wait for the end of a process; its exit code, or the signal below zero."""
        return int(self._ask({"process": process}))

    def run(self, order: Order) -> int:
        """Start a process, and wait for its end; its exit code, or the signal below zero."""
        return self.ended(self.start(order))

    def close(self) -> None:
        """End it: nobody is left to ask."""
        self._process.communicate(timeout=LONGEST)
        assert self._process.returncode == 0

    def _ask(self, what: Mapping[str, Any]) -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(what)}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def do(order: Order, ledger: Ledger) -> None:
    """What the started process does."""
    signal.alarm(LONGEST)
    provider = provider_named(order.provider)
    if order.death:
        deaths.die_at(order.death, provider)
    time = order.time
    with mock.patch.object(clock, "now", time.now):
        lives.LIVES[order.life](ledger, provider, time)


def main() -> None:
    """Start, and wait, as long as somebody asks."""
    all_providers()
    for name in LATE:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        if "process" in asked:
            say(ended(asked["process"]))
            continue
        order = Order(**asked)
        os.environ.clear()
        os.environ.update(order.environment)
        os.chdir(Path(order.environment["GENAI_HOME"]).parent)
        say(child(functools.partial(do, order)))


if __name__ == "__main__":
    main()
