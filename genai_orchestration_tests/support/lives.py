"""What a process does with paid requests from end to end: submit, follow, load.

    SubmissionRun.submit ─► watch.poll until nothing is open ─► loading.load ─► the ledger is told

`starter.py` starts processes that do it, `deaths.py` says where they die.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import requests

from genai_orchestration import loading
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.sandbox.clock import Clock
from genai_orchestration.settings import Settings
from genai_orchestration.submission.submit import SubmissionRun
from genai_orchestration.watching import watch

POLL_SECONDS = 30.0  # between two polls of open jobs
LOOKS = 100
A_DAY = timedelta(days=1)


class Time(Protocol):
    """A clock, and a way to wait for it."""

    def now(self) -> datetime:
        """The present, aware."""

    def sleep(self, seconds: float) -> None:
        """Wait until it is that much later."""


@dataclass
class HandMoved:
    """A clock that goes on while somebody sleeps, and takes the sandbox's with it."""

    present: datetime
    sandbox: str  # its URL

    def now(self) -> datetime:
        return self.present

    def sleep(self, seconds: float) -> None:
        self.present += timedelta(seconds=seconds)
        url = f"{self.sandbox}/_admin/clock"
        requests.post(url, json={"advance": seconds}, timeout=30).raise_for_status()


class Hurried(Clock):
    """A clock that starts at some moment, and goes `faster` than the world; for all processes."""

    def __init__(self, start: datetime, began: float, faster: float) -> None:
        super().__init__()
        self._start, self._began, self._faster = start, began, faster

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.time() - self._began) * self._faster)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self._faster)


def line(ledger: Ledger, provider: Provider, clock: Time) -> SubmissionRun:
    """The provider's line, in that time."""
    assert provider.submitter
    return SubmissionRun(
        ledger=ledger,
        provider=provider,
        submitter=provider.submitter(),
        clock=clock.now,
        sleep=clock.sleep,
    )


def submit(ledger: Ledger, provider: Provider, clock: Time) -> None:
    """Submit what is approved, as far as that goes now."""
    line(ledger, provider, clock).submit()


def work(ledger: Ledger, provider: Provider, clock: Time) -> None:
    """Submit, and follow what came of it to its end."""
    submit(ledger, provider, clock)
    follow(ledger, provider, clock)


def live(ledger: Ledger, provider: Provider, clock: Time) -> None:
    """All of it, once."""
    work(ledger, provider, clock)
    load(provider, clock)


def follow(ledger: Ledger, provider: Provider, clock: Time) -> None:
    """Look at the provider's jobs until none is open; at those that a load settles, never."""
    for kind in provider.job_kinds:
        for _ in range(LOOKS if kind.sensor else 0):
            found = watch.poll(
                ledger,
                provider,
                kind,
                kind.connect(SENSOR_POLICY),
                clock.now(),
                seconds=POLL_SECONDS,
            )
            if not found.open:
                break
            clock.sleep(POLL_SECONDS)


def load(provider: Provider, clock: Time) -> None:
    """Load the tables that jobs are loaded into, or settled from, and tell the ledger."""
    clock.sleep(POLL_SECONDS)
    [kind] = provider.job_kinds
    tables = kind.tables or ((kind.reconciler.table,) if kind.reconciler else ())
    days: dict[str, Any] = {"start": (clock.now() - A_DAY).date()} if provider.start else {}
    loading.load(provider, Settings.load(), tables, **days)


Life = Callable[[Ledger, Provider, Time], None]
LIVES: dict[str, Life] = {life.__name__: life for life in (submit, work, live)}
