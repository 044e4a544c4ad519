"""What the ledger knows of the jobs that run at the providers.

    QUEUED ──► RUNNING ──► SUCCEEDED | FAILED | CANCELED | GONE ──► loaded, archived
       └───────────────────────▲        the first of them stays

A state never goes backwards: what was seen first and is told late changes nothing. A word that
nobody knows is kept as it came, and the job is still open.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from genai_orchestration.errors import PlainError
from genai_orchestration.jobs.ledger_requests import WrongState, words
from genai_orchestration.jobs.ledger_tables import JobKey, JobRecord, jobs
from genai_orchestration.providers.base import TERMINAL, JobState


class UnknownJob(PlainError):
    """The ledger has no such job."""


def get(connection: sa.Connection, key: JobKey) -> JobRecord:
    """The job of that key, or UnknownJob."""
    row = connection.execute(sa.select(jobs).where(*_is(key))).mappings().one_or_none()
    if row is None:
        raise UnknownJob(
            f"The ledger has no {key.kind} {key.job_id} of {key.provider}: it follows the jobs of "
            "its own requests only."
        )
    return JobRecord.of(row)


def observe(
    connection: sa.Connection,
    key: JobKey,
    state: JobState | None,
    raw: str | None,
    now: datetime,
    next_poll: datetime | None,
) -> JobRecord:
    """Write down what the provider said of a job; see `Ledger.observe`."""
    before = get(connection, key)
    if before.state.terminal:
        return before
    connection.execute(
        sa.update(jobs)
        .where(*_is(key), jobs.c.state.not_in(TERMINAL))
        .values(**_news(before, state, raw, now, next_poll))
    )
    return get(connection, key)


def _news(
    before: JobRecord,
    state: JobState | None,
    raw: str | None,
    now: datetime,
    next_poll: datetime | None,
) -> Mapping[str, Any]:
    """The columns that a report changes in a job that is open."""
    polled = max(now, before.last_polled or now)
    if before.state is JobState.RUNNING and state is JobState.QUEUED:  # told late
        return {"last_polled": polled, "next_poll": next_poll}
    after = state or before.state
    return {
        "state": after.value,
        "raw_status": None if raw is None else words(raw),
        "last_polled": polled,
        "next_poll": None if after.terminal else next_poll,
        "finished": now if after.terminal else None,
    }


def mark(
    connection: sa.Connection,
    what: Literal["loaded", "archived"],
    keys: Iterable[JobKey],
    now: datetime,
) -> None:
    """Note that finished jobs are loaded or archived; the first time stays."""
    column = jobs.c[what]
    for key in keys:
        done = connection.execute(
            sa.update(jobs)
            .where(*_is(key), jobs.c.state.in_(TERMINAL))
            .values({what: sa.func.coalesce(column, sa.literal(now, column.type))})
        )
        if done.rowcount == 0:
            state = get(connection, key).state.value
            raise WrongState(
                f"{key.provider}'s {key.kind} {key.job_id} is {state} and cannot be {what}: wait "
                "until it has ended."
            )


def _is(key: JobKey) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        jobs.c.provider == key.provider,
        jobs.c.kind == key.kind,
        jobs.c.job_id == key.job_id,
    )
