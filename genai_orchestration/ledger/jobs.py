"""What the ledger knows of the jobs that run at the providers.

    QUEUED ──► RUNNING ──► SUCCEEDED | FAILED | CANCELED | GONE ──► loaded, archived
       └───────────────────────▲        the first of them stays

A state never goes backwards: a report that comes late changes nothing. A word that
nobody knows is kept as it came, and the job is still open.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from genai_orchestration.errors import UserError
from genai_orchestration.ledger.credits import parse_credits
from genai_orchestration.ledger.records import JobKey, JobObservation, JobRecord
from genai_orchestration.ledger.requests import WrongState, record_final_cost, truncate_text
from genai_orchestration.ledger.tables import jobs
from genai_orchestration.providers.states import TERMINAL, JobState
from genai_orchestration.providers.work import JobReport

logger = logging.getLogger(__name__)


class UnknownJob(UserError):
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
    report: JobReport,
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
        .values(**_news(before, report, now, next_poll))
    )
    if report.state and report.state.terminal and before.request_key is not None:
        # what is said of a job that runs may still change, and lets nothing leave
        record_final_cost(connection, before.request_key, parse_credits(report.charged))
    return get(connection, key)


def observe_or_log(
    connection: sa.Connection, seen: JobObservation, now: datetime
) -> JobRecord | None:
    """Write down one report of many; None, and a line in the log, when that cannot be."""
    key = seen.job
    try:
        with connection.begin_nested():
            return observe(connection, key, seen.report, now, seen.next_poll)
    except sa.exc.OperationalError:
        raise  # the database has failed, not the report
    except Exception:  # its own words may quote the whole record
        logger.error(
            "What is said of %s's %s %s cannot be written: see it there.",
            *(key.provider, key.kind, key.job_id),
        )
        return None


def _news(
    before: JobRecord, report: JobReport, now: datetime, next_poll: datetime | None
) -> Mapping[str, Any]:
    """The columns that a report changes in a job that is open."""
    polled = {
        "last_polled": max(now, before.last_polled or now),
        "polls": (before.polls or 0) + 1,
        "next_poll": next_poll,
        "incomplete_since": (before.incomplete_since or now) if report.incomplete else None,
    }
    if before.state is JobState.RUNNING and report.state is JobState.QUEUED:  # a late report
        return polled
    after = report.state or before.state
    said = {"state": after.value, "raw_status": truncate_text(report.raw)}
    if not after.terminal:
        return {**polled, **said}
    ended = {"finished": now, "next_poll": None, "record": report.record}
    why = {
        "error_class": report.failure.value if report.failure else None,
        "error_text": truncate_text(report.error) if report.error else None,
    }
    return {**polled, **said, **ended, **why}


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
            raise WrongState(f"{key} is {state} and cannot be {what}: wait until it has ended.")


def _is(key: JobKey) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        jobs.c.provider == key.provider,
        jobs.c.kind == key.kind,
        jobs.c.job_id == key.job_id,
    )
