"""Requests, limits and moments for the tests of the ledger, and ways to bring a request there."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import Budget, Limits
from genai_orchestration.ledger.records import JobKey
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.settings import Settings

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
LOCAL = Limits(base_url="http://127.0.0.1:8000")
VENDOR = "https://api.vendor.example"


def wanted(key: str, **changes: Any) -> PaidRequest:
    """A request of 5 credits."""
    values: dict[str, Any] = {
        "provider": "magic_hour",
        "operation": "ai_image_generator",
        "job_kind": "image_project",
        "payload": {"style": {"prompt": "a fox"}, "image_count": 1},
        "request_key": key,
        "price_estimate": 5,
    }
    return PaidRequest(**{**values, **changes})


def job(job_id: str) -> JobKey:
    """A job of such a request."""
    return JobKey("magic_hour", "image_project", job_id)


def said(state: JobState | None, raw: str) -> JobReport:
    """A provider's report of a job."""
    return JobReport(state=state, raw=raw)


def caps(**values: Any) -> Limits:
    """Limits of the real vendor, with these caps."""
    return Limits(base_url=VENDOR, budget=Budget(**values))


def approved(ledger: Ledger, *keys: str, **changes: Any) -> None:
    """Requests that may be started."""
    ledger.add([wanted(key, **changes) for key in keys], NOW)
    ledger.approve(keys, NOW)


def submitting(ledger: Ledger, key: str, *, limits: Limits = LOCAL, **changes: Any) -> None:
    """A request whose POST may be on its way."""
    approved(ledger, key, **changes)
    ledger.start(key, limits, NOW)


def submitted(ledger: Ledger, key: str, **changes: Any) -> None:
    """A request whose job `job of <key>` runs."""
    submitting(ledger, key, **changes)
    ledger.mark_submitted(key, f"job of {key}", None, NOW)


def _rejected(ledger: Ledger, key: str) -> None:
    submitting(ledger, key)
    ledger.mark_rejected(key, Failure.OUT_OF_CREDITS, "402 no credits", NOW)


def _unknown(ledger: Ledger, key: str) -> None:
    submitting(ledger, key)
    ledger.mark_unknown(key, "timed out", NOW)


def _planned(ledger: Ledger, key: str) -> None:
    ledger.add([wanted(key)], NOW)


def _abandoned(ledger: Ledger, key: str) -> None:
    _planned(ledger, key)
    ledger.abandon(key, NOW)


BRING: Mapping[RequestState, Callable[[Ledger, str], None]] = {
    RequestState.PLANNED: _planned,
    RequestState.APPROVED: approved,
    RequestState.SUBMITTING: submitting,
    RequestState.SUBMITTED: submitted,
    RequestState.REJECTED: _rejected,
    RequestState.UNKNOWN: _unknown,
    RequestState.ABANDONED: _abandoned,
}


def engine(place: Settings) -> sa.Engine:
    """The ledger's database, from outside; no connection is kept after its use."""
    address = place.ledger_address or f"sqlite:///{place.ledger}"
    url = address.replace("postgresql:", "postgresql+psycopg2:")
    return sa.create_engine(url, poolclass=sa.NullPool)
