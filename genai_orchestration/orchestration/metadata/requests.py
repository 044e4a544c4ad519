"""Metadata of a materialization of paid requests: outcomes, credits, and the newest requests."""

from datetime import datetime
from typing import Any

import dagster as dg

from genai_orchestration.doors.markup import as_text
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.payload import value_at
from genai_orchestration.providers.redact import redact
from genai_orchestration.providers.work import Operation
from genai_orchestration.submission.post import SubmissionResult

NEWEST = 20  # requests in the table
WIDTH = 80  # characters of a prompt or an error in it


def metadata(
    ledger: Ledger, provider: Provider, operation: Operation, now: datetime
) -> dict[str, Any]:
    """Counts by outcome, credits, and a table of the newest requests."""
    counts = ledger.counts(provider=provider.name, operation=operation.name)
    usage = ledger.usage(provider.name, now)
    return {
        **{f"requests {state.value}": counts.get(state, 0) for state in RequestState},
        "credits charged": ledger.spent(provider.name, operation.name),
        "credits today": usage.day,
        "credits this month": usage.month,
        "jobs in flight": usage.in_flight,
        "newest requests": newest(ledger, provider, operation),
    }


def submission_metadata(result: SubmissionResult) -> dict[str, Any]:
    """What a run has submitted, and why some requests wait."""
    reasons = [f"{number} x {as_text(reason)}" for reason, number in result.reasons.items()]
    return {
        "submitted by this run": len(result.submitted),
        **({"waiting because": dg.MetadataValue.md("\n\n".join(reasons))} if reasons else {}),
    }


def newest(ledger: Ledger, provider: Provider, operation: Operation) -> dg.TableMetadataValue:
    """The requests that were sent or planned last, the newest first."""
    found = ledger.newest_requests(provider.name, operation.name, NEWEST)
    schema = dg.TableSchema(
        columns=[dg.TableColumn(name, "string") for name in ("key", "state", "prompt", "why")]
        + [dg.TableColumn("credits", "int"), dg.TableColumn("sent", "string")]
    )
    records = [dg.TableRecord(_record(operation, request)) for request in found]
    return dg.MetadataValue.table(records, schema)


def _record(operation: Operation, request: RequestRecord) -> dict[str, Any]:
    prompt = value_at(request.payload, operation.prompt, str) if operation.prompt else None
    charged = request.credits_charged
    return {
        "key": request.request_key,
        "state": request.state.value,
        "prompt": redact(prompt or operation.model(request.payload))[:WIDTH],
        "why": redact(request.error_text or "")[:WIDTH],
        "credits": (charged if charged is not None else request.reserved) or 0,
        "sent": request.submitting_at.isoformat(timespec="seconds")
        if request.submitting_at
        else "",
    }
