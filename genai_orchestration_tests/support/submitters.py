"""Processes that use one ledger: what the tests of the ledger run many of, and kill.

    python -m genai_orchestration_tests.support.submitters WHAT COUNT

    open     COUNT processes open it at once, and each plans a request: k0, k1, ...
    race     COUNT processes submit, until the budget is spent
    alone    this process does
    deaths   COUNT processes, one after the other, live a life each, of the requests k1, k2, ...;
             the first dies in its first write, the second in its second, ...

It says `ready`, and waits for a line on its standard input.
"""

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import BudgetSpent, ConcurrencyLimitReached
from genai_orchestration.ledger.requests import WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.ledgers import LOCAL, caps, job, said, wanted

CAP = 200  # credits a day; a request costs 5
PLACES = 3  # in flight
LIMITS = dataclasses.replace(caps(per_day=CAP), in_flight=PLACES)
NO = "no-"  # how the keys of requests begin that the provider refuses
LONGEST = 0.01  # seconds of a POST, and of a job


def now() -> datetime:
    """The time, from one day: the cap of a day is tested at midnight as well."""
    return datetime.now(timezone.utc).replace(year=2026, month=3, day=10)


def submit(ledger: Ledger, key: str) -> None:
    """One request from start to end, or WrongState, ConcurrencyLimitReached or BudgetSpent."""
    ledger.start(key, LIMITS, now())
    say(key)
    time.sleep(random.uniform(0, LONGEST))
    if key.startswith(NO):
        ledger.mark_rejected(key, Failure.OUT_OF_CREDITS, "402", now())
        return
    ledger.mark_submitted(key, f"job of {key}", 5, now())
    time.sleep(random.uniform(0, LONGEST))
    ledger.observe(job(f"job of {key}"), said(JobState.SUCCEEDED, "complete"), now())


def race(ledger: Ledger) -> None:
    """Submit what is approved, against the others, until the budget is spent."""
    while left := ledger.requests(states=[RequestState.APPROVED]):
        try:
            submit(ledger, random.choice(left[:8]).request_key)
        except (WrongState, ConcurrencyLimitReached):
            time.sleep(random.uniform(0, LONGEST))
        except BudgetSpent:
            return


def live(ledger: Ledger, key: str) -> None:
    """A whole life in five writes: one, two in one transaction, one, one."""
    ledger.start(key, LOCAL, now())
    ledger.mark_submitted(key, f"job of {key}", 5, now())
    ledger.observe(job(f"job of {key}"), said(JobState.SUCCEEDED, "complete"), now())
    ledger.mark_loaded([job(f"job of {key}")], now())


def die_after(writes: int) -> None:
    """End this process as the kernel would, after that many writes, in a transaction."""
    left = [writes]

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE")):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "after_cursor_execute", count)


def child(work: Callable[[Ledger], object]) -> int:
    """A process that opens the ledger and does the work; its id. Nothing is open here yet."""
    made = os.fork()
    if made:
        return made
    code = 1
    try:
        with Ledger.open(Settings.load()) as ledger:
            work(ledger)
        code = 0
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def ended(process: int) -> int:
    """Wait for a child; its exit code, or the signal that ended it below zero."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def plan(key: str) -> Callable[[Ledger], object]:
    return lambda ledger: ledger.add([wanted(key)], now())


def death(number: int) -> Callable[[Ledger], object]:
    def work(ledger: Ledger) -> None:
        die_after(number)
        live(ledger, f"k{number}")

    return work


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def start(what: str, count: int = 1) -> "subprocess.Popen[str]":
    """This module as a process that is ready to begin and waits for `go`."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", __name__, what, str(count)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def go(process: "subprocess.Popen[str]") -> None:
    """Wait until the process is ready, and let it begin."""
    assert process.stdin
    assert process.stdout
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    process.stdin.write("go\n")
    process.stdin.flush()


def finish(process: "subprocess.Popen[str]") -> list[str]:
    """Let the process begin, and end, which it has to do well; the lines that it printed."""
    go(process)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return out.split()


def main(what: str, count: int) -> int:
    """What the process ends with."""
    say("ready")
    sys.stdin.readline()
    if what == "alone":
        with Ledger.open(Settings.load()) as ledger:
            race(ledger)
        return 0
    if what == "deaths":
        for number in range(1, count + 1):
            say(ended(child(death(number))))
        return 0
    works = [plan(f"k{number}") if what == "open" else race for number in range(count)]
    return max([ended(process) for process in [child(work) for work in works]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
