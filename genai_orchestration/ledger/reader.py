"""The questions to the ledger: requests and jobs by filters, and what is spent."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from genai_orchestration import clock
from genai_orchestration.ledger import jobs as ledger_jobs
from genai_orchestration.ledger import outcomes as ledger_outcomes
from genai_orchestration.ledger import plans as ledger_plans
from genai_orchestration.ledger import requests as ledger_requests
from genai_orchestration.ledger import sums as ledger_sums
from genai_orchestration.ledger.budget import Limits, Usage
from genai_orchestration.ledger.database import LedgerDatabase
from genai_orchestration.ledger.outcomes import Outcome
from genai_orchestration.ledger.records import JobKey, JobRecord, RequestRecord
from genai_orchestration.ledger.reservations import usage_of
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.sums import Spent, Waiting
from genai_orchestration.ledger.tables import jobs, requests
from genai_orchestration.providers.states import OPEN, Failure, JobState

LONGEST_REST = timedelta(days=1)  # no job is left alone for longer: its clock was wrong


class LedgerReader:
    """The half of a ledger that changes nothing; it sees whole transactions only."""

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database

    def now(self) -> datetime:
        """The time for what is written here: of the server that hosts share, else this one's."""
        return self._database.now() or clock.now()

    def request(self, key: str) -> RequestRecord:
        """The request of that key."""
        with self._database.read() as connection:
            return ledger_requests.get(connection, key)

    def requests(
        self,
        *,
        provider: str | None = None,
        operation: str | None = None,
        states: Collection[RequestState] | None = None,
        campaign: str | None = None,
        failure: Failure | None = None,
        sent: tuple[datetime, datetime] | None = None,
        limit: int | None = None,
    ) -> list[RequestRecord]:
        """The requests that all of the filters let through, in the order of planning.

        `failure` is that of the request or of its job; `sent` is from when to before when.
        """
        table = requests.c
        query = _filtered(
            sa.select(requests), requests, provider=provider, operation=operation, campaign=campaign
        )
        if states is not None:
            query = query.where(table.state.in_([state.value for state in states]))
        if failure is not None:
            failed = sa.select(jobs.c.request_key).where(jobs.c.error_class == failure.value)
            query = query.where(
                sa.or_(table.error_class == failure.value, table.request_key.in_(failed))
            )
        if sent is not None:
            query = query.where(table.submitting_at >= sent[0], table.submitting_at < sent[1])
        query = query.order_by(table.planned_at, table.request_key).limit(limit)
        with self._database.read() as connection:
            return [RequestRecord.of(row) for row in connection.execute(query).mappings()]

    def newest_requests(self, provider: str, operation: str, limit: int) -> list[RequestRecord]:
        """The requests of an operation that were sent or planned last, the newest first."""
        table = requests.c
        query = _filtered(sa.select(requests), requests, provider=provider, operation=operation)
        moment = sa.func.coalesce(table.submitting_at, table.planned_at)
        query = query.order_by(moment.desc(), table.request_key).limit(limit)
        with self._database.read() as connection:
            return [RequestRecord.of(row) for row in connection.execute(query).mappings()]

    def spent(self, provider: str, operation: str) -> int:
        """Credits that were charged for an operation's requests, all in all."""
        charged = sa.func.coalesce(sa.func.sum(requests.c.credits_charged), 0)
        query = _filtered(sa.select(charged), requests, provider=provider, operation=operation)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def operations(self, keys: Collection[str]) -> set[str]:
        """The operations that the requests of these keys are of."""
        with self._database.read() as connection:
            return ledger_plans.operations(connection, keys)

    def attempts(self, key: str) -> list[RequestRecord]:
        """The request of that key among all attempts at the same, the first one first."""
        with self._database.read() as connection:
            chain = [ledger_requests.get(connection, key)]
            while (before := chain[0].retries) is not None:
                chain.insert(0, ledger_requests.get(connection, before))
            after = sa.select(requests.c.request_key)
            while again := connection.execute(
                after.where(requests.c.retries == chain[-1].request_key)
            ).scalar_one_or_none():
                chain.append(ledger_requests.get(connection, again))
        return chain

    def counts(
        self,
        *,
        provider: str | None = None,
        operation: str | None = None,
        campaign: str | None = None,
    ) -> dict[RequestState, int]:
        """How many requests are in each state, where there are any."""
        query = _filtered(
            sa.select(requests.c.state, sa.func.count()),
            requests,
            provider=provider,
            operation=operation,
            campaign=campaign,
        ).group_by(requests.c.state)
        with self._database.read() as connection:
            return {RequestState(row[0]): int(row[1]) for row in connection.execute(query)}

    def usage(
        self,
        provider: str,
        now: datetime,
        *,
        campaign: str | None = None,
        limits: Limits | None = None,
    ) -> Usage:
        """What the provider has in flight, and has spent in the day, the month and the campaign."""
        with self._database.read() as connection:
            return usage_of(connection, provider, campaign, limits or Limits(base_url=""), now)

    def waiting(self, provider: str) -> list[Waiting]:
        """The provider's requests that are planned or approved, in groups of one state."""
        with self._database.read() as connection:
            return ledger_sums.waiting(connection, provider)

    def campaigns(self, provider: str) -> list[str]:
        """The campaigns that the provider's requests are for."""
        with self._database.read() as connection:
            return ledger_sums.campaigns(connection, provider)

    def spent_between(self, provider: str, since: datetime, until: datetime) -> Spent:
        """What the provider charged between two readings of its balance, as far as it is known."""
        with self._database.read() as connection:
            return ledger_sums.spent_between(connection, provider, since, until)

    def outcomes(self, provider: str, limit: int, now: datetime | None = None) -> list[Outcome]:
        """How the newest submissions and jobs ended, newest first; see `circuit_breaker`."""
        with self._database.read() as connection:
            return ledger_outcomes.newest(connection, provider, limit, now)

    def durations(self, provider: str, operation: str, limit: int) -> list[timedelta]:
        """How long the newest jobs of an operation that succeeded took, as they were noticed."""
        with self._database.read() as connection:
            return ledger_outcomes.durations(connection, provider, operation, limit)

    def job(self, key: JobKey) -> JobRecord:
        """The job of that key, or UnknownJob."""
        with self._database.read() as connection:
            return ledger_jobs.get(connection, key)

    def open_jobs(self, provider: str, kind: str) -> int:
        """How many of the provider's jobs of a kind have not ended."""
        query = _filtered(sa.select(sa.func.count()), jobs, provider=provider, kind=kind)
        query = query.where(jobs.c.state.in_([state.value for state in OPEN]))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def jobs(
        self,
        *,
        provider: str | None = None,
        kind: str | None = None,
        job_id: str | None = None,
        request_key: str | None = None,
        states: Collection[JobState] | None = None,
        seen_by: datetime | None = None,
        due: datetime | None = None,
        loaded: bool | None = None,
        archived: bool | None = None,
        limit: int | None = None,
    ) -> list[JobRecord]:
        """The jobs that all of the filters let through; the ones to be polled first come first.

        `seen_by` asks for those that were there by then; `due` for open jobs whose next poll is not
        later, or too far ahead to be meant.
        """
        table = jobs.c
        named = {"provider": provider, "kind": kind, "job_id": job_id, "request_key": request_key}
        query = _filtered(sa.select(jobs), jobs, **named)
        if states is not None:
            query = query.where(table.state.in_([state.value for state in states]))
        if seen_by is not None:
            query = query.where(table.first_seen <= seen_by)
        if due is not None:
            is_due = sa.or_(
                table.next_poll.is_(None),
                table.next_poll <= due,
                table.next_poll > due + LONGEST_REST,
            )
            query = query.where(table.finished.is_(None), is_due)
        for column, wanted in ((table.loaded, loaded), (table.archived, archived)):
            if wanted is not None:
                query = query.where(column.is_not(None) if wanted else column.is_(None))
        order = (table.next_poll.asc().nulls_first(), table.first_seen, table.job_id)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(*order).limit(limit)).mappings()
            return [JobRecord.of(row) for row in found]


def _filtered(query: sa.Select[Any], table: sa.Table, **values: str | None) -> sa.Select[Any]:
    """The query, for rows that have those values; None lets all through."""
    return query.where(
        *(table.c[name] == value for name, value in values.items() if value is not None)
    )
