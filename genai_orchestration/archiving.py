"""The archive of a provider's finished files: what is missing is fetched, kept, and told of.

    plan ─► archiver ─► journal ─► rows of asset_file, some hundreds at a time ─► the warehouse
                                                       └─► jobs without anything left ─► ledger

Free of charge. It may be killed at any moment and run again: what is there is not fetched again.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from filelock import FileLock, Timeout

from genai_orchestration import locks, times, warehouse
from genai_orchestration.archive_plan import Days, Plan
from genai_orchestration.errors import PlainError
from genai_orchestration.jobs.archive import Archiver
from genai_orchestration.jobs.archive_fetch import Fetcher
from genai_orchestration.jobs.archive_rows import FileRow, Journal, files_source
from genai_orchestration.jobs.archive_store import open_store
from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.jobs.ledger_tables import JobRecord
from genai_orchestration.providers.base import Archive, Provider
from genai_orchestration.providers.http import PATIENT
from genai_orchestration.providers.sources import account_of
from genai_orchestration.providers.states import JobState
from genai_orchestration.settings import Settings

BATCH = 1000  # rows of one load, which takes about a second
SOON = timedelta(hours=6)  # of life that a file has left when the radar shows it


class ArchiveBusy(PlainError):
    """Another process archives the same provider's files, for longer than this one waits."""


@dataclass
class Archived:
    """What an archiver has done."""

    files: int = 0  # that are in the archive now
    bytes: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by reason
    failed: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)  # archived ones, seen again
    resting: int = 0  # that failed before, and are not asked for again yet

    def count(self, row: FileRow) -> None:
        """Add a file."""
        if row.state == "archived":
            self.files += 1
            self.bytes += row.bytes or 0
        words = {"archived": self.changed, "refused": self.refused, "failed": self.failed}
        if row.reason:
            words[row.state][row.reason] += 1

    def __str__(self) -> str:
        parts = [f"{self.files:,} files archived ({self.bytes / 1e6:,.1f} MB)"]
        for number, word in (
            (self.refused.total(), "refused"),
            (self.failed.total(), "failed, to be asked for again"),
            (self.resting, "failed before and resting"),
            (self.changed.total(), "archived before, and not the same any more"),
        ):
            parts += [f"{number:,} {word}"] if number else []
        return ", ".join(parts) + "."


def archive(
    provider: Provider,
    settings: Settings,
    *,
    days: Days | None = None,
    again: bool = False,
    verify: bool = False,
) -> Archived:
    """Archive what is missing of the provider's finished jobs, of those days or of all.

    `again` also asks for refused files, and for failed ones at once; `verify` fetches archived
    ones once more and compares them.
    """
    of = archive_of(provider)
    account = account_of(provider, None, None)
    store = open_store(settings)
    with (
        _alone(provider, settings),
        Ledger.open(settings) as ledger,
        contextlib.closing(Fetcher(account.base_url, settings.archive_limit)) as fetcher,
    ):
        store.sweep()
        plan = Plan(
            provider=provider,
            archive=of,
            settings=settings,
            ledger=ledger,
            base_url=account.base_url,
            now=times.now(),
            again=again,
            verify=verify,
            refresh=of.refresh(PATIENT) if of.refresh else None,
        )
        keeping = Archiver(fetcher=fetcher, store=store, known=plan.known, now=times.now)
        return _run(plan, keeping, ledger, days)


def _run(plan: Plan, keeping: Archiver, ledger: Ledger, days: Days | None) -> Archived:
    journal, done = Journal(plan.settings, plan.provider), Archived()
    if left := journal.rows():  # by an archiver that was killed
        _load(plan, ledger, journal, left)
    batch: list[FileRow] = []
    for row in keeping.archive(plan.wanted(days)):
        journal.add([row])
        done.count(row)
        plan.settled(row)
        batch.append(row)
        if len(batch) >= BATCH:
            _load(plan, ledger, journal, batch)
            batch = []
    _load(plan, ledger, journal, batch)
    done.resting = plan.resting
    return done


def _load(plan: Plan, ledger: Ledger, journal: Journal, rows: list[FileRow]) -> None:
    """Into the warehouse with the rows, then into the ledger with the jobs that are done."""
    if rows or not exists(plan.provider, plan.settings):
        source = files_source(plan.provider, plan.archive.table, rows)
        with warehouse.pipeline(plan.provider, plan.settings) as pipeline:
            pipeline.run(source).raise_on_failed_jobs()
    ledger.mark_archived(plan.done, times.now())
    plan.done.clear()
    journal.clear()


def archive_of(provider: Provider) -> Archive:
    """The provider's archive; PlainError for one that makes no files."""
    if provider.archive is None:
        raise PlainError(f"{provider.title} makes no files: there is nothing to archive.")
    return provider.archive


def exists(provider: Provider, settings: Settings) -> bool:
    """Whether the warehouse has the table of archived files."""
    sql = f"SELECT count(*) FROM {{{archive_of(provider).table.name}}}"  # noqa: S608 own name
    return warehouse.query(provider, settings, sql) is not None


def expiring(
    provider: Provider, ledger: Ledger, now: datetime
) -> tuple[list[tuple[JobRecord, datetime]], int]:
    """Jobs whose files are not archived and live for less than `SOON`; and how many live at all."""
    of = archive_of(provider)
    jobs = ledger.jobs(
        provider=provider.name, kind=of.kind, states=[JobState.SUCCEEDED], archived=False
    )
    ends = [(job, of.expires(job.finished_job)) for job in jobs] if of.expires else []
    return sorted(
        ((job, end) for job, end in ends if end - now < SOON), key=lambda each: each[1]
    ), len(jobs)


@contextlib.contextmanager
def _alone(provider: Provider, settings: Settings) -> Iterator[None]:
    """One archiver of a provider at a time: two would fetch everything twice."""
    path = settings.home / f"archive-{provider.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=locks.PATIENCE)
    except Timeout:
        raise ArchiveBusy(
            f"Another process has been archiving {provider.title}'s files for over "
            f"{locks.PATIENCE:g} s: wait for it to end, or run this again later."
        ) from None
    try:
        yield
    finally:
        lock.release()
