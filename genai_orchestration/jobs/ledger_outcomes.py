"""How the newest submissions and jobs of a provider ended, and how long its jobs take."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from genai_orchestration.jobs.ledger_tables import UtcTime, jobs, requests
from genai_orchestration.jobs.states import RequestState
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.times import AHEAD

DECIDED = (RequestState.REJECTED.value, RequestState.UNKNOWN.value)


@dataclass(frozen=True)
class Outcome:
    """One end: when, and why it came to nothing; None for a success."""

    at: datetime
    failure: Failure | None


def newest(
    connection: sa.Connection, provider: str, limit: int, now: datetime | None
) -> list[Outcome]:
    """Refusals and unclear answers of requests, and ends of jobs, newest first.

    Those ahead of `now` count as of now; far ahead, they are of a clock that was wrong, and would
    hide the true ones for as long as it was.
    """
    refused = sa.select(
        requests.c.decided_at.label("at"), requests.c.error_class.label("failure")
    ).where(
        requests.c.provider == provider,
        requests.c.state.in_(DECIDED),
        requests.c.submitting_at.is_not(None),
    )
    ended = sa.select(
        jobs.c.finished.label("at"),
        sa.case(
            (jobs.c.state == JobState.SUCCEEDED.value, None),
            else_=sa.func.coalesce(jobs.c.error_class, Failure.PROVIDER_FAULT.value),
        ).label("failure"),
    ).where(
        jobs.c.provider == provider,
        jobs.c.state.in_((JobState.SUCCEEDED.value, JobState.FAILED.value)),
    )
    both = sa.union_all(refused, ended).subquery()
    moment = sa.type_coerce(both.c.at, UtcTime).label("at")
    query = sa.select(moment, both.c.failure).order_by(both.c.at.desc()).limit(limit)
    if now is not None:
        query = query.where(moment <= now + AHEAD)
    return [
        Outcome(min(at, now) if now else at, failure and Failure(failure))
        for at, failure in connection.execute(query)
    ]


def durations(
    connection: sa.Connection, provider: str, operation: str, limit: int
) -> list[timedelta]:
    """From submission to the look that saw the success, of the newest `limit` jobs."""
    query = (
        sa.select(requests.c.submitting_at, jobs.c.finished)
        .join(jobs, jobs.c.request_key == requests.c.request_key)
        .where(
            requests.c.provider == provider,
            requests.c.operation == operation,
            jobs.c.state == JobState.SUCCEEDED.value,
        )
        .order_by(jobs.c.finished.desc())
        .limit(limit)
    )
    return [end - start for start, end in connection.execute(query) if start is not None]
