"""Approved requests that do not leave, whatever room there is; and a POST that is too late."""

from datetime import datetime, timedelta

from genai_orchestration.ledger.tables import RequestRecord
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.paid import NotNow
from genai_orchestration.providers.sources import setting
from genai_orchestration.submission.release import SANDBOX_APPROVER, is_sandbox

FOR_THE_SANDBOX = (
    "They were approved for the sandbox, and by no person: give them up with genai requests "
    "abandon, and plan again what is wanted."
)
STALE = timedelta(minutes=1)  # after its start a POST does not leave: others may have given it up


def kept_back(provider: Provider, address: str, record: RequestRecord) -> str | None:
    """Why the request is not sent to that address, as a sentence; None when it may be."""
    by_sensor = record.approved_by == SANDBOX_APPROVER
    if by_sensor and not is_sandbox(address, setting(provider, "api_key")):
        return FOR_THE_SANDBOX
    if record.operation not in [operation.name for operation in provider.operations]:
        return (
            f"{provider.title} has no operation {record.operation[:80]!r} in this version: abandon "
            "them, or use the version that has planned them."
        )
    return None


def check_awake(record: RequestRecord, now: datetime) -> None:
    """NotNow when this process was stopped since the start: another may have its request now."""
    if record.submitting_at is not None and abs(now - record.submitting_at) > STALE:
        raise NotNow(
            f"The request {record.request_key} was not sent: this process was stopped for too long "
            "before it could be. Run it again.",
            wait=0.0,
        )
