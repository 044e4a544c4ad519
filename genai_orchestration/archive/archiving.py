"""The archive of a provider's finished files: what is missing is fetched, kept, and recorded.

    plan ─► archiver ─► journal ─► rows of asset_file, some hundreds at a time ─► the warehouse
                                                       └─► jobs without anything left ─► ledger

Free of charge. It may be killed at any moment and run again: what is there is not fetched again.
"""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from genai_orchestration import clock, warehouse
from genai_orchestration.archive.archiver import Archiver, Wanted
from genai_orchestration.archive.backlog import without_files
from genai_orchestration.archive.fetch import Fetcher
from genai_orchestration.archive.plan import ArchiveJob, ArchivePlan, Days, Refresh
from genai_orchestration.archive.rows import NO_FILE, Archived, FileRow, Journal, files_source
from genai_orchestration.archive.store import Store, open_store
from genai_orchestration.errors import UserError
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.reader import LedgerReader
from genai_orchestration.ledger.records import JobKey, JobRecord
from genai_orchestration.providers.base import Archive, Provider
from genai_orchestration.providers.http import LOAD_POLICY
from genai_orchestration.providers.recipient import Configured
from genai_orchestration.providers.refusals import NotFound
from genai_orchestration.providers.sources import account_of
from genai_orchestration.providers.states import JobState
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse import locks

ROWS_PER_LOAD = 1000  # rows of one load, which takes about a second
EXPIRES_SOON = timedelta(hours=6)  # of life that a file has left when its check fails


class ArchiveBusy(UserError):
    """Another process archives the same provider's files, for longer than this one waits."""


def archive(
    provider: Provider,
    settings: Settings,
    *,
    days: Days | None = None,
    again: bool = False,
    verify: bool = False,
    most: int | None = None,
) -> Archived:
    """Archive what is missing of the provider's finished jobs, of those days or of all.

    `again` also asks for refused files, and for failed ones at once; `verify` fetches archived
    ones once more and compares them; `most` is the number of files after which it ends.
    """
    store = open_store(settings)
    with _alone(provider, settings), Ledger.open(settings) as ledger:
        plan = plan_of(provider, settings, ledger)
        plan.again, plan.verify = again, verify
        plan.refresh = _refresh(provider)
        with contextlib.closing(Fetcher(plan.base_url, settings.archive_limit)) as fetcher:
            store.sweep()
            keeping = Archiver(fetcher=fetcher, store=store, known=plan.known, now=clock.now)
            return _run(plan, keeping, ledger, plan.wanted(days, most))


def store_of(settings: Settings) -> Store:
    """The archive; ArchiveUnusable, UnfitPath or UnfitLimit where the settings let it keep none."""
    store = open_store(settings)
    _ = settings.archive_limit
    return store


def _refresh(provider: Provider) -> Refresh | None:
    """Asks the account that a job was made for its record; None where nobody has to be asked."""
    of = archive_of(provider)
    if of.refresh is None:
        return None
    kind = provider.job_kind(of.kind)
    ask, configured = of.refresh(LOAD_POLICY), Configured(kind.connect(LOAD_POLICY))

    def refresh(job: ArchiveJob) -> Mapping[str, Any]:
        what = str(JobKey(provider.name, of.kind, job.job_id))
        configured.check_server(what, job.recipient)
        try:
            return ask(job.job_id)
        except NotFound:
            configured.check(what, job.recipient)  # another account would not find it either
            raise

    return refresh


def plan_of(provider: Provider, settings: Settings, ledger: LedgerReader) -> ArchivePlan:
    """What is still to be archived as of now, for the configured account; MissingKey without."""
    return ArchivePlan(
        provider=provider,
        archive=archive_of(provider),
        settings=settings,
        ledger=ledger,
        base_url=account_of(provider, None, None).base_url,
        now=clock.now(),
    )


def dismiss(provider: Provider, settings: Settings, *, days: Days | None = None) -> int:
    """Note that a person has seen the refused files, and the jobs without files; how many."""
    within = warehouse.day_range_sql(*days) if days else "1 = 1"
    with _alone(provider, settings), Ledger.open(settings) as ledger:
        plan = plan_of(provider, settings, ledger)
        refused = plan.rows(f"state = 'refused' AND {within}")
        rows = [row for roles in refused.values() for row in roles.values()]
        seen = [dataclasses.replace(row, state="dismissed") for row in rows]
        for job in without_files(plan, days):
            seen.append(_no_file(plan, job))
            plan.done += [job.key] if job.key else []
        if seen:
            _load(plan, ledger, Journal(settings, provider), seen)
    return len(seen)


def _no_file(plan: ArchivePlan, job: ArchiveJob) -> FileRow:
    return FileRow(
        job_id=job.job_id,
        kind=plan.archive.kind,
        role=NO_FILE,
        state="dismissed",
        attempts=0,
        tried_at=plan.now,
        reason="The job succeeded, and has no file.",
        request_key=job.request_key,
        date_created=job.date_created,
    )


def _run(
    plan: ArchivePlan, keeping: Archiver, ledger: Ledger, wanted: Iterable[Wanted]
) -> Archived:
    journal, done = Journal(plan.settings, plan.provider), Archived()
    if left := journal.rows():  # by an archiver that was killed
        _load(plan, ledger, journal, left)
    batch: list[FileRow] = []
    for row in keeping.archive(wanted):
        journal.add([row])
        done.count(row)
        plan.on_file_done(row)
        batch.append(row)
        if len(batch) >= ROWS_PER_LOAD:
            _load(plan, ledger, journal, batch)
            batch = []
    _load(plan, ledger, journal, batch)
    done.resting = plan.resting
    return done


def _load(plan: ArchivePlan, ledger: Ledger, journal: Journal, rows: list[FileRow]) -> None:
    """Into the warehouse with the rows, then into the ledger with the jobs that are done."""
    if rows or not plan.has_table():
        source = files_source(plan.provider, plan.archive.table, rows)
        with warehouse.pipeline(plan.provider, plan.settings) as pipeline:
            pipeline.run(source).raise_on_failed_jobs()
    ledger.mark_archived(plan.done, clock.now())
    plan.done.clear()
    journal.clear()


def archive_of(provider: Provider) -> Archive:
    """The provider's archive; UserError for one that makes no files."""
    if provider.archive is None:
        raise UserError(f"{provider.title} makes no files: there is nothing to archive.")
    return provider.archive


def expiring(
    provider: Provider, ledger: LedgerReader, now: datetime
) -> tuple[list[tuple[JobRecord, datetime]], int]:
    """Jobs whose files are not archived and expire within `EXPIRES_SOON`; and the number of all."""
    of = archive_of(provider)
    jobs = ledger.jobs(
        provider=provider.name, kind=of.kind, states=[JobState.SUCCEEDED], archived=False
    )
    ends = [(job, of.expires(job.finished_job)) for job in jobs] if of.expires else []
    return sorted(
        ((job, end) for job, end in ends if end - now < EXPIRES_SOON), key=lambda each: each[1]
    ), len(jobs)


def busy(provider: Provider, settings: Settings) -> bool:
    """Whether a process archives the provider's files at this moment."""
    try:
        with locks.alone(_lock_path(provider, settings), 0, ArchiveBusy()):
            return False
    except ArchiveBusy:
        return True


def _lock_path(provider: Provider, settings: Settings) -> Path:
    return settings.home / f"archive-{provider.name}.lock"


@contextlib.contextmanager
def _alone(provider: Provider, settings: Settings) -> Iterator[None]:
    """One archiver of a provider at a time: two would fetch everything twice."""
    busy_for_long = ArchiveBusy(
        f"Another process has been archiving {provider.title}'s files for over "
        f"{locks.LOCK_TIMEOUT_SECONDS:g} s: wait for it to end, or run this again later."
    )
    with locks.alone(_lock_path(provider, settings), locks.patience(), busy_for_long):
        yield
