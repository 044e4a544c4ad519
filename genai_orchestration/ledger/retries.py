"""Another attempt of what came to nothing: a request of its own, which names the one before.

    fox ◄─retries─ fox-retry2 ◄─retries─ fox-retry3        each with its own state, job and price

Whether the same may be tried again follows from why it failed.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from genai_orchestration.ledger.records import JobRecord, RequestRecord
from genai_orchestration.ledger.requests import WrongState, columns, get, wrong_state
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.tables import jobs, requests
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.requests.paid_request import KeyConflict

RETRY = "-retry"  # between a key and the number of its attempt, all of it searchable


def plan_retry(
    connection: sa.Connection, key: str, now: datetime, who: str, stuck_after: timedelta
) -> str:
    """Plan the next attempt, once; its key is `<first key>-retry<attempt>`."""
    again = sa.select(columns.request_key).where(columns.retries == key)
    if existing := connection.execute(again).scalar_one_or_none():
        return str(existing)
    record = get(connection, key)
    _check_failed(connection, record, now - stuck_after)
    first = key.removesuffix(f"{RETRY}{record.attempt}") if record.attempt > 1 else key
    new = f"{first}{RETRY}{record.attempt + 1}"
    if connection.execute(
        sa.select(columns.request_key).where(columns.request_key == new)
    ).scalar_one_or_none():
        raise KeyConflict(
            f"The next attempt of {key} would be {new}, which is another request's key: plan it "
            "again under a key of your own."
        )
    names = ("provider", "operation", "job_kind", "campaign", "payload", "payload_hash")
    values = {name: getattr(record, name) for name in (*names, "price_estimate")}
    values |= {"attempt": record.attempt + 1, "retries": key, "planned_at": now}
    connection.execute(
        sa.insert(requests).values(
            request_key=new, state=RequestState.PLANNED.value, planned_by=who, **values
        )
    )
    return new


def _check_failed(connection: sa.Connection, record: RequestRecord, stuck_before: datetime) -> None:
    """WrongState for a request that may still come to something, or has, or would fail again."""
    match record.state:
        case RequestState.ABANDONED:
            return
        case RequestState.REJECTED:
            _check_failure(record.request_key, record.error_class, record.error_text)
            return
    found = connection.execute(
        sa.select(jobs).where(jobs.c.request_key == record.request_key)
    ).mappings()
    row = found.one_or_none()
    if row is None:
        raise wrong_state(record, "retried")
    _check_job(record.request_key, JobRecord.of(row), stuck_before)


def _check_job(key: str, job: JobRecord, stuck_before: datetime) -> None:
    open_, stuck = not job.state.terminal, job.first_seen < stuck_before
    if job.state is JobState.SUCCEEDED or (open_ and not stuck):
        raise WrongState(
            f"The job of the request {key} is {job.state.value} and cannot be retried: only what "
            "failed can be, and what is wanted twice needs a key of its own."
        )
    _check_failure(key, job.error_class, job.error_text)


def _check_failure(key: str, failure: str | None, said: str | None) -> None:
    if failure is not None and Failure(failure).of_the_payload:
        raise WrongState(
            f"The request {key} failed of what it asks for ({failure}: {said}), and the same would "
            "fail again: change it, and plan it under a key of its own."
        )
