"""How the newest submissions and jobs of a provider ended, and how long its jobs take."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from genai_orchestration.clock import AHEAD
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.tables import jobs, requests
from genai_orchestration.providers.states import Failure, JobState

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
    refused = sa.select(requests.c.decided_at, requests.c.error_class).where(
        requests.c.provider == provider, requests.c.submitting_at.is_not(None)
    )
    failure = sa.case(
        (jobs.c.state == JobState.SUCCEEDED.value, None),
        else_=sa.func.coalesce(jobs.c.error_class, Failure.PROVIDER_FAULT.value),
    )
    ended = sa.select(jobs.c.finished, failure).where(
        jobs.c.provider == provider,
        jobs.c.state.in_((JobState.SUCCEEDED.value, JobState.FAILED.value)),
    )
    # each by itself, by its index: a union would be read as a whole, and then sorted
    parts = [
        *((requests.c.decided_at, refused.where(requests.c.state == state)) for state in DECIDED),
        (jobs.c.finished, ended),
    ]
    found: list[Outcome] = []
    for at, query in parts:
        until = sa.true() if now is None else at <= now + AHEAD
        rows = connection.execute(query.where(until).order_by(at.desc()).limit(limit))
        found += (Outcome(min(at, now) if now else at, why and Failure(why)) for at, why in rows)
    return sorted(found, key=lambda each: each.at, reverse=True)[:limit]


def durations(
    connection: sa.Connection, provider: str, operation: str, limit: int
) -> list[timedelta]:
    """From submission to the poll that saw the success, of the newest `limit` jobs."""
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
