"""The paid requests as tables of the warehouse: what was asked for, answered, charged, made.

    ledger: requests + jobs ─► one row a request that was ever sent ─► dlt, merged on request_key

A load of them spends nothing: it reads the ledger alone.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pyarrow as pa
from dlt.common.data_types import TDataType
from dlt.extract import DltResource, DltSource

from genai_orchestration.ledger.reader import LedgerReader
from genai_orchestration.ledger.records import JobRecord, RequestRecord
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.providers.payload import value_at
from genai_orchestration.providers.redact import redact
from genai_orchestration.providers.rows import to_arrow
from genai_orchestration.providers.sources import resource, source_of
from genai_orchestration.providers.work import Operation

COLUMNS: Mapping[str, TDataType] = {
    "request_key": "text",
    "state": "text",
    "campaign": "text",
    "prompt": "text",
    "payload": "json",
    "answer": "json",
    "provider_job_id": "text",
    "attempt": "bigint",
    "retries": "text",
    "price_estimate": "bigint",
    "credits_reserved": "bigint",
    "credits_charged": "bigint",
    "error_class": "text",
    "error_text": "text",
    "planned_at": "timestamp",
    "planned_by": "text",
    "approved_at": "timestamp",
    "approved_by": "text",
    "submitted_at": "timestamp",
    "decided_at": "timestamp",
    "job_state": "text",
    "job_status": "text",
    "job_finished_at": "timestamp",
    "job": "json",
}


def request_table(provider: Provider, operation: Operation) -> Table:
    """The table of an operation's requests; its name is the operation's."""
    return Table(
        name=operation.name,
        description=(
            f"Paid requests to {provider.title} ({operation.name}), one row each that was ever "
            "sent: payload, answer, credits, and how its job ended. `state` is the request's: "
            "submitting, submitted, rejected, unknown (nobody knows whether it arrived) or "
            "abandoned."
        ),
        disposition="merge",
        primary_key=("request_key",),
        columns=COLUMNS,
    )


def requests_source(
    provider: Provider,
    ledger: LedgerReader,
    operations: Collection[Operation],
    keys: Collection[str] | None = None,
) -> DltSource:
    """The requests of the operations as a dlt source; `keys` narrows them down."""
    made = [_resource(provider, ledger, operation, keys) for operation in operations]
    return source_of(provider, *made)


def _resource(
    provider: Provider, ledger: LedgerReader, operation: Operation, keys: Collection[str] | None
) -> DltResource:
    table = request_table(provider, operation)
    return resource(table, lambda: _table(provider, ledger, operation, keys))


def _table(
    provider: Provider, ledger: LedgerReader, operation: Operation, keys: Collection[str] | None
) -> Iterator[pa.Table]:
    sent = [
        request
        for request in ledger.requests(provider=provider.name, operation=operation.name)
        if request.submitting_at and (keys is None or request.request_key in keys)
    ]
    jobs = {
        job.request_key: job for job in ledger.jobs(provider=provider.name, kind=operation.job_kind)
    }
    rows = [row(operation, request, jobs.get(request.request_key)) for request in sent]
    yield to_arrow(rows, COLUMNS)  # also without any: the table is there, to be asked


def row(operation: Operation, request: RequestRecord, job: JobRecord | None) -> dict[str, Any]:
    """One request with its job, without what signs an address."""
    return {
        "request_key": request.request_key,
        "state": request.state.value,
        "campaign": request.campaign,
        "prompt": value_at(request.payload, operation.prompt, str) if operation.prompt else None,
        "payload": redact(request.payload),
        "answer": redact(request.answer),
        "provider_job_id": request.provider_job_id,
        "attempt": request.attempt,
        "retries": request.retries,
        "price_estimate": request.price_estimate,
        "credits_reserved": request.reserved,
        "credits_charged": request.credits_charged,
        "error_class": request.error_class or (job and job.error_class),
        "error_text": request.error_text or (job and job.error_text),
        "planned_at": request.planned_at,
        "planned_by": request.planned_by,
        "approved_at": request.approved_at,
        "approved_by": request.approved_by,
        "submitted_at": request.submitting_at,
        "decided_at": request.decided_at,
        "job_state": job and job.state.value,
        "job_status": job and job.raw_status,
        "job_finished_at": job and job.finished,
        "job": redact(job.record) if job else None,
    }
