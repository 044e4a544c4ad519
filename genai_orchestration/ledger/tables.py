"""The ledger's tables, and their rows as frozen values.

    requests   what we were asked to submit, and what became of it   (one POST at most for each)
    jobs       what runs at a provider                               (one for each submitted)
    sightings  since when another computer's clock has seen a POST unanswered

All times are UTC. All prices are the provider's credits, as whole numbers. Reading and writing the
tables does not belong here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.recipient import Recipient
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import FinishedJob, JobReport

KEY_LENGTH = 100  # characters: a caller's key (64), and the number of its attempt


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware time in and out, UTC in the database; SQLite keeps no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time as the database takes it; ValueError for one without a time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; the ledger's times are aware")
        value = value.astimezone(timezone.utc)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time, aware and in UTC."""
        if value is None:
            return None
        aware = value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value
        return aware.astimezone(timezone.utc)


def _one_of(states: type[RequestState] | type[JobState]) -> sa.CheckConstraint:
    words = ", ".join(f"'{state.value}'" for state in states)
    return sa.CheckConstraint(f"state IN ({words})")


METADATA = sa.MetaData()

requests = sa.Table(
    "requests",
    METADATA,
    sa.Column("request_key", sa.String(KEY_LENGTH), primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("job_kind", sa.Text, nullable=False),
    sa.Column("campaign", sa.Text),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("payload_hash", sa.String(64), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("price_estimate", sa.BigInteger),
    sa.Column("reserved", sa.BigInteger),
    sa.Column("credits_charged", sa.BigInteger),
    sa.Column("provider_job_id", sa.Text),
    sa.Column("answer", sa.JSON(none_as_null=True)),
    sa.Column("attempt", sa.Integer, nullable=False),
    # unique: an attempt has one successor, however often it is retried
    sa.Column("retries", sa.ForeignKey("requests.request_key"), unique=True),
    sa.Column("error_class", sa.Text),
    sa.Column("error_text", sa.Text),
    sa.Column("planned_at", UtcTime, nullable=False),
    sa.Column("planned_by", sa.Text, nullable=False),
    sa.Column("approved_at", UtcTime),
    sa.Column("approved_by", sa.Text),
    sa.Column("submitting_at", UtcTime),
    sa.Column("submitting_by", sa.Text),
    sa.Column("decided_at", UtcTime),
    sa.Column("decided_by", sa.Text),
    sa.Column("server", sa.Text),
    sa.Column("account", sa.Text),
    sa.Column("clock", sa.Text),
    _one_of(RequestState),
    sa.Index("requests_by_day", "provider", "submitting_at"),
    sa.Index("requests_by_campaign", "campaign", "provider"),
    sa.Index("requests_by_outcome", "provider", "state", "decided_at"),
    sa.Index("requests_by_decision", "provider", "decided_at"),
)

jobs = sa.Table(
    "jobs",
    METADATA,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("raw_status", sa.Text),
    sa.Column("request_key", sa.ForeignKey("requests.request_key"), unique=True),
    sa.Column("first_seen", UtcTime, nullable=False),
    sa.Column("last_polled", UtcTime),
    sa.Column("next_poll", UtcTime),
    sa.Column("finished", UtcTime),
    sa.Column("loaded", UtcTime),
    sa.Column("archived", UtcTime),
    sa.Column("operation", sa.Text),
    sa.Column("polls", sa.Integer),
    sa.Column("error_class", sa.Text),
    sa.Column("error_text", sa.Text),
    sa.Column("record", sa.JSON(none_as_null=True)),
    sa.Column("server", sa.Text),
    sa.Column("account", sa.Text),
    sa.Column("incomplete_since", UtcTime),
    _one_of(JobState),
    sa.Index("jobs_by_state", "provider", "state", "next_poll"),
    sa.Index("jobs_by_end", "provider", "finished"),
)

sightings = sa.Table(
    "sightings",
    METADATA,
    sa.Column("request_key", sa.ForeignKey("requests.request_key"), primary_key=True),
    sa.Column("clock", sa.Text, primary_key=True),
    sa.Column("submitting_at", UtcTime, nullable=False),
    sa.Column("out_since", UtcTime, nullable=False),
    sa.Column("ended_since", UtcTime),
)


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """What goes to an account."""

    server: str | None = None  # None: it was not sent, or by a version that did not say where
    account: str | None = None  # the provider's id of it; None: it names none

    @property
    def recipient(self) -> Recipient | None:
        """Where it was sent; None when it was not, or nobody knows."""
        return Recipient(self.server, self.account) if self.server else None


@dataclass(frozen=True, kw_only=True)
class RequestRecord(_Sent):
    """A row of `requests`."""

    request_key: str
    provider: str
    operation: str
    job_kind: str  # what it makes at the provider
    campaign: str | None
    payload: Mapping[str, Any]
    payload_hash: str  # SHA-256 of the payload's canonical JSON
    state: RequestState
    price_estimate: int | None  # credits; None where nobody publishes the price
    reserved: int | None  # credits that the budget counts until it is known what was charged
    credits_charged: int | None  # what the provider says; a refund makes it lower
    provider_job_id: str | None
    answer: Mapping[str, Any] | None  # the provider's yes, as it came
    attempt: int  # 1, 2, ...
    retries: str | None  # the key of the attempt before
    error_class: str | None
    error_text: str | None  # the vendor's words
    planned_at: datetime
    planned_by: str
    approved_at: datetime | None
    approved_by: str | None
    submitting_at: datetime | None  # the day and month that the budget counts it in
    submitting_by: str | None
    decided_at: datetime | None  # when it became what it is after submitting, or was abandoned
    decided_by: str | None  # who resolved or abandoned it, or gave up waiting for its answer
    clock: str | None = None  # that `submitting_at` and its own `decided_at` are by

    @property
    def answer_lost(self) -> bool:
        """Whether the process that sent it has itself said that the answer was lost."""
        return self.state is RequestState.UNKNOWN and self.decided_by is None

    @classmethod
    def of(cls, row: sa.RowMapping) -> "RequestRecord":
        """The record of a row that has all columns."""
        return cls(**{**row, "state": RequestState(row["state"])})


@dataclass(frozen=True)
class JobKey:
    """What names a job."""

    provider: str
    kind: str
    job_id: str

    def __str__(self) -> str:
        return f"{self.provider}'s {self.kind} {self.job_id}"


@dataclass(frozen=True)
class JobObservation:
    """A report of a job, and when to ask again if it is still open."""

    job: JobKey
    report: JobReport
    next_poll: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class JobRecord(_Sent):
    """A row of `jobs`."""

    provider: str
    kind: str
    job_id: str
    state: JobState
    raw_status: str | None  # the vendor's word, as it came
    request_key: str | None
    first_seen: datetime
    last_polled: datetime | None
    next_poll: datetime | None  # None: when there is time (open), or never again (finished)
    finished: datetime | None  # when its terminal state was seen
    loaded: datetime | None  # when it was in the warehouse
    archived: datetime | None  # when its files were in the archive
    operation: str | None  # that made it
    polls: int | None  # how often it was asked after
    error_class: str | None  # why it failed: a word of `Failure`
    error_text: str | None  # the vendor's words
    record: Mapping[str, Any] | None  # its final record, for the warehouse
    incomplete_since: datetime | None  # when it was first seen to have ended without all of it

    @property
    def key(self) -> JobKey:
        """What names it."""
        return JobKey(self.provider, self.kind, self.job_id)

    @property
    def finished_job(self) -> FinishedJob:
        """The job for the warehouse; AssertionError while it is open."""
        assert self.finished, f"{self.job_id} is open"
        return FinishedJob(
            job_id=self.job_id,
            request_key=self.request_key,
            state=self.state,
            raw=self.raw_status,
            accepted_at=self.first_seen,
            finished_at=self.finished,
            error_class=self.error_class,
            error_text=self.error_text,
            record=self.record,
        )

    @classmethod
    def of(cls, row: sa.RowMapping) -> "JobRecord":
        """The record of a row that has all columns."""
        return cls(**{**row, "state": JobState(row["state"])})
