"""What a process does with paid requests from end to end: submit, follow, load.

    Line.submit ─► watch.look until nothing is open ─► load the records ─► mark_loaded

`starter.py` starts processes that do it, `deaths.py` says where they die.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import requests

from genai_orchestration import warehouse
from genai_orchestration.jobs import watch
from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.jobs.ledger_tables import JobKey
from genai_orchestration.jobs.submit import Line
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.providers.http import QUICK
from genai_orchestration.providers.rows import to_arrow
from genai_orchestration.providers.sources import resource, source_of
from genai_orchestration.providers.states import JobState
from genai_orchestration.sandbox.clock import Clock
from genai_orchestration.settings import Settings

LOOK_EVERY = 30.0  # seconds between two looks at jobs that are open
LOOKS = 100
OVER = [state for state in JobState if state.terminal]
ENDED = Table(
    name="ended_jobs",
    description="The jobs that have ended, a row each.",
    disposition="merge",
    primary_key=("job_id",),
    columns={"job_id": "text", "request_key": "text", "state": "text", "record": "json"},
)


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


def line(ledger: Ledger, provider: Provider, clock: Time) -> Line:
    """The provider's line, in that time."""
    assert provider.submitter
    return Line(
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
    loaded = load(ledger, provider, Settings.load())
    ledger.mark_loaded(loaded, clock.now())


def follow(ledger: Ledger, provider: Provider, clock: Time) -> None:
    """Look at the provider's jobs until none is open."""
    for kind in provider.job_kinds:
        for _ in range(LOOKS):
            found = watch.look(
                ledger, provider, kind, kind.connect(QUICK), clock.now(), seconds=LOOK_EVERY
            )
            if not found.open:
                break
            clock.sleep(LOOK_EVERY)


def load(ledger: Ledger, provider: Provider, settings: Settings) -> list[JobKey]:
    """Bring the jobs that have ended, and are not loaded, into the warehouse; which they were."""
    ended = ledger.jobs(provider=provider.name, states=OVER, loaded=False)
    if not ended:
        return []
    records = [
        {
            "job_id": job.job_id,
            "request_key": job.request_key,
            "state": job.state.value,
            "record": job.record,
        }
        for job in ended
    ]
    with warehouse.pipeline(provider, settings) as pipeline:
        rows = resource(ENDED, lambda: [to_arrow(records, ENDED.columns)])
        pipeline.run(source_of(provider, rows)).raise_on_failed_jobs()
    return [job.key for job in ended]


def in_warehouse(provider: Provider, settings: Settings) -> list[str]:
    """The ids of the jobs that have a row in the warehouse, as often as they have one."""
    known = replace(provider, tables=(*provider.tables, ENDED))
    rows = warehouse.query(known, settings, f"SELECT job_id FROM {{{ENDED.name}}} ORDER BY 1")
    return [row[0] for row in rows or ()]


Life = Callable[[Ledger, Provider, Time], None]
LIVES: dict[str, Life] = {life.__name__: life for life in (submit, work, live)}
