"""Which jobs have been open for longer than their kind should take."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_orchestration.ledger.records import JobRecord


def deadlines() -> Mapping[tuple[str, str], timedelta]:
    """By provider and kind: open for as long, a job is stuck."""
    from genai_orchestration.providers import all_providers

    return {
        (provider.name, kind.name): kind.polling.deadline
        for provider in all_providers()
        for kind in provider.job_kinds
    }


def is_stuck(job: "JobRecord", after: Mapping[tuple[str, str], timedelta], now: datetime) -> bool:
    """Whether the job is open, and has been for as long as its kind's deadline."""
    deadline = after.get((job.provider, job.kind))
    return not job.state.terminal and deadline is not None and now - job.first_seen >= deadline
