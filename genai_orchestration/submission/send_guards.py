"""What keeps approved requests from being submitted without being asked, as sentences.

    approved by a person? ─► submit = true? ─► a key? ─► a cap? ─► the account, the line well? ─► go

In the sandbox, where nothing costs anything, the first two and the cap are not asked for.
"""

from datetime import datetime

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import BudgetNotConfigured, Limits, Usage, refusal
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.sources import account_of, base_url_of, setting
from genai_orchestration.submission import circuit_breaker
from genai_orchestration.submission.limits import budget_of
from genai_orchestration.submission.release import (
    SANDBOX_APPROVER,
    QueueStatus,
    is_sandbox,
    refused_by_account,
)

FOR_THE_SANDBOX = (
    "They were approved for the sandbox, and by no person: give them up with genai requests "
    "abandon, and plan again what is wanted."
)


def in_sandbox(provider: Provider) -> bool:
    """Whether the settings point at the sandbox's side of that provider."""
    return is_sandbox(base_url_of(provider), setting(provider, "api_key"))


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


def obstacle(
    ledger: Ledger, provider: Provider, queue: QueueStatus, now: datetime, *, submit: bool
) -> str | None:
    """Why the approved requests stay where they are, without a point; None when they may go."""
    if not in_sandbox(provider):
        why = _not_asked_for(queue, submit) or _no_cap(provider, queue)
        if why:
            return why
    try:
        account_of(provider, None, None)
    except ProviderError as error:
        return str(error).rstrip(".")
    newest = ledger.outcomes(provider.name, circuit_breaker.OUTCOMES_READ, now)
    stopped = circuit_breaker.stopped(provider.title, newest, now)
    return (stopped or "").rstrip(".") or refused_by_account(provider.title, newest, now)


def _not_asked_for(queue: QueueStatus, submit: bool) -> str | None:
    if queue.by_sensor:
        return (
            f"{queue.by_sensor} of them were approved for the sandbox, and by no person: give "
            "them up with genai requests abandon, and plan again what is wanted"
        )
    if not submit:
        return "run genai requests submit, or set submit = true in [requests]"
    return None


def _no_cap(provider: Provider, queue: QueueStatus) -> str | None:
    """The sentence about a budget that nobody has set: a run could submit nothing."""
    budget = budget_of(provider, queue.campaigns)
    limits = Limits(base_url=base_url_of(provider), budget=budget)
    refusals = [
        refusal(provider.name, each, 0, limits, Usage()) for each in sorted_names(queue.campaigns)
    ]
    if refusals and all(isinstance(each, BudgetNotConfigured) for each in refusals):
        return str(refusals[0]).rstrip(".")
    return None


def sorted_names(names: frozenset[str | None]) -> list[str | None]:
    """The names in alphabetical order, no name first."""
    return sorted(names, key=lambda name: name or "")
