"""The rows of the ledger's tables as frozen values: a request, a job, and a report of one.

All times are UTC and aware. All prices are the provider's credits, as whole numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.recipient import Recipient
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import FinishedJob, JobReport


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
