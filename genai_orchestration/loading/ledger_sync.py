"""What the warehouse and the ledger exchange: what rows say of requests and jobs, jobs to load.

ledger: open jobs, unknown requests ─► rows of a loaded table ─► ended, found; and loaded
ledger: jobs that are over ──────────► FinishedJob ─► dlt ─────► loaded
"""

import contextlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from genai_orchestration import warehouse
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import JobKey, JobObservation, JobRecord
from genai_orchestration.ledger.requests import JobTaken, WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.loading.request_rows import requests_source
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.recipient import Recipient
from genai_orchestration.providers.states import TERMINAL, JobState
from genai_orchestration.providers.work import FinishedJob, JobKind, RowReconciler
from genai_orchestration.settings import Settings

logger = logging.getLogger(__name__)


def reconcile_rows(
    provider: Provider, settings: Settings, ledger: Ledger, now: datetime
) -> tuple[set[str], list[JobRecord]]:
    """Settle the provider's requests from the rows that are loaded.

    The keys of those that turned out to have arrived, and the jobs that a row says are over: what
    is left is to note that they are loaded. An unknown request whose key is the reference of a row
    is that row's job.
    """
    found: set[str] = set()
    over: list[JobRecord] = []
    for kind in provider.job_kinds:
        if kind.reconciler:
            found |= _find(provider, settings, ledger, kind, kind.reconciler, now)
            over += _end(provider, settings, ledger, kind, kind.reconciler, now)
    return found, over


def finished_jobs(
    ledger: Ledger, provider: Provider, tables: Collection[str], *, again: bool = False
) -> list[JobRecord]:
    """Jobs that are over and belong into one of the tables; `again`: loaded ones, too."""
    return [
        job
        for kind in provider.job_kinds
        if set(kind.tables) & set(tables)
        for job in ledger.jobs(
            provider=provider.name,
            kind=kind.name,
            states=[JobState(word) for word in TERMINAL],
            loaded=None if again else False,
        )
    ]


@contextlib.contextmanager
def load_with_ledger(
    provider: Provider, settings: Settings, tables: Collection[str], *, again: bool = False
) -> Iterator[tuple[list[FinishedJob], set[str]]]:
    """Around a load: the finished jobs that belong into `tables`; operations with news of requests.

    When the block ends well, requests are reconciled with the rows, and the jobs marked as loaded;
    the set is full then. A provider without jobs needs no ledger, and none is opened.
    """
    news: set[str] = set()
    concerned = {name for kind in provider.job_kinds for name in _tables_of(kind)}
    if not concerned & set(tables):
        yield [], news
        return
    with Ledger.open(settings) as ledger:
        found = finished_jobs(ledger, provider, tables, again=again)
        yield [job.finished_job for job in found], news
        arrived, over = reconcile_rows(provider, settings, ledger, ledger.now())
        loaded = [*found, *over]
        keys = arrived | {job.request_key for job in loaded if job.request_key}
        news.update(load_requests(provider, settings, ledger, keys))
        # last: what a crash leaves undone here is done again by the next load
        ledger.mark_loaded([job.key for job in loaded], ledger.now())


def load_requests(
    provider: Provider, settings: Settings, ledger: Ledger, keys: Collection[str]
) -> set[str]:
    """Load the rows of these requests again; the operations that they are of. Nothing is sent."""
    names = ledger.operations(keys)
    touched = [each for each in provider.operations if each.name in names]
    if touched:
        with warehouse.pipeline(provider, settings) as pipeline:
            pipeline.run(requests_source(provider, ledger, touched, keys))
    return {each.name for each in touched}


def _tables_of(kind: JobKind) -> tuple[str, ...]:
    """The tables that finished jobs of the kind are loaded into, or are reconciled with."""
    return (*kind.tables, *((kind.reconciler.table,) if kind.reconciler else ()))


def _find(
    provider: Provider,
    settings: Settings,
    ledger: Ledger,
    kind: JobKind,
    reconciler: RowReconciler,
    now: datetime,
) -> set[str]:
    """Unknown requests whose reference a row has that is what they asked for."""
    operations = [each.name for each in provider.operations if each.job_kind == kind.name]
    server = kind.connect(SENSOR_POLICY).base_url
    unknown = {
        request.request_key: request.payload
        for request in ledger.requests(provider=provider.name, states=[RequestState.UNKNOWN])
        if request.operation in operations and _is_of(request.recipient, server)
    }
    found: dict[str, str] = {}
    for row in _rows(provider, settings, reconciler, reconciler.ref, [*unknown], "date_created"):
        if reconciler.is_of(row, unknown[row[reconciler.ref]]):
            found.setdefault(row[reconciler.ref], row["id"])  # of two, the oldest
    return {key for key, job_id in found.items() if _arrived(ledger, key, job_id, now)}


def _is_of(recipient: Recipient | None, server: str) -> bool:
    """Whether rows of that server may be those of what was sent there, or nobody knows where."""
    return recipient is None or recipient.is_server(server)


def _arrived(ledger: Ledger, key: str, job_id: str, now: datetime) -> bool:
    """Write down the job of a request; a key that it cannot be of must not stop the others."""
    try:
        ledger.mark_submitted(key, job_id, None, now)
    except (JobTaken, WrongState) as error:
        logger.warning("%s", error)
        return False
    return True


def _end(
    provider: Provider,
    settings: Settings,
    ledger: Ledger,
    kind: JobKind,
    reconciler: RowReconciler,
    now: datetime,
) -> list[JobRecord]:
    """Jobs that a row says are over, open ones and such as are not noted as loaded yet."""
    jobs = ledger.jobs(provider=provider.name, kind=kind.name, loaded=False)
    server = kind.connect(SENSOR_POLICY).base_url
    waiting = [job.job_id for job in jobs if _is_of(job.recipient, server)]
    return ledger.observe_all(
        [
            JobObservation(JobKey(provider.name, kind.name, row["id"]), reconciler.report(row))
            for row in _rows(provider, settings, reconciler, "id", waiting, "id", over=True)
        ],
        now,
    )


def _rows(
    provider: Provider,
    settings: Settings,
    reconciler: RowReconciler,
    column: str,
    names: Sequence[str],
    order: str,
    *,
    over: bool = False,
) -> Iterator[Mapping[str, Any]]:
    """The loaded rows whose `column` is one of the names; `over`: of finished jobs only."""
    columns = tuple(dict.fromkeys(("id", reconciler.ref, *reconciler.columns)))
    end = f"AND state IN {TERMINAL}" if over else ""
    for quoted in warehouse.in_list_sql(names):
        sql = f"""SELECT {", ".join(columns)} FROM {{{reconciler.table}}}
            WHERE {column} IN ({quoted}) {end} ORDER BY {order}"""  # noqa: S608 checked names
        for row in warehouse.query(provider, settings, sql) or []:
            yield dict(zip(columns, row, strict=True))
