"""Which files of a provider's finished jobs are still to be archived.

rows of a table by day (ImagineAPI) ──┐
finished jobs of the ledger ──────────┴─► ArchiveJob ─► what of it is final?  ─► Wanted
rows of asset_file: final, or resting ────────────────────────────▲   │
asked for again just now: addresses that are open (Magic Hour) ───────┘

Without `refresh` nobody is asked: what a plan would fetch can be counted (see archive_backlog.py).
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from genai_orchestration import warehouse
from genai_orchestration.archive.archiver import Wanted
from genai_orchestration.archive.refusals import FileRefused, NotFetched
from genai_orchestration.archive.rows import NO_FILE, FileRow
from genai_orchestration.errors import UserError
from genai_orchestration.ledger.reader import LedgerReader
from genai_orchestration.ledger.records import JobKey, JobRecord
from genai_orchestration.providers.base import Archive, Provider
from genai_orchestration.providers.files import RemoteFile
from genai_orchestration.providers.recipient import OtherAccount, Recipient
from genai_orchestration.providers.refusals import NotFound, ProviderError
from genai_orchestration.providers.states import JobState
from genai_orchestration.settings import Settings

DAY = timedelta(days=1)
JOBS_PER_QUERY = 500  # that are read at once: a query of the warehouse opens it, whatever it brings
REFUSALS_IN_A_ROW = 3  # refusals of the provider to report a job, in a row, that end the plan

Days = tuple[date, date]  # first (inclusive) and last (exclusive) UTC day


@dataclass(frozen=True, kw_only=True)
class ArchiveJob:
    """A job that succeeded, and what became of its files so far, by role."""

    job_id: str
    record: Mapping[str, Any]
    key: JobKey | None = None  # None: not a job of the ledger's
    request_key: str | None = None
    recipient: Recipient | None = None  # whose job it is; None: nobody knows
    date_created: datetime | None = None
    rows: Mapping[str, FileRow] = field(default_factory=dict)


Refresh = Callable[[ArchiveJob], Mapping[str, Any]]


@dataclass(kw_only=True)
class ArchivePlan:
    """The files to be archived, read step by step as an archiver takes them."""

    provider: Provider
    archive: Archive
    settings: Settings
    ledger: LedgerReader
    base_url: str
    now: datetime
    again: bool = False  # refused files, and failed ones that rest
    verify: bool = False  # archived ones, too: their content is compared
    refresh: Refresh | None = None
    known: dict[str, str] = field(default_factory=dict)  # content by file id, of constant ones
    open: dict[str, tuple[JobKey, set[str]]] = field(
        default_factory=dict
    )  # roles that are not final
    done: list[JobKey] = field(default_factory=list)  # jobs without any such role
    resting: int = 0  # failed files whose time has not come
    next_due: datetime | None = None  # when the time of the first of them comes
    refusals: int = 0  # of the provider, in a row, to report a job

    def wanted(self, days: Days | None, most: int | None = None) -> Iterator[Wanted]:
        """What is to be archived, at most so many files: oldest jobs first, or as files expire."""
        jobs = self._of_rows(days) if self.archive.columns else self.of_ledger()
        return itertools.islice((file for job in jobs for file in self._files(job)), most)

    def on_file_done(self, row: FileRow) -> None:
        """Note what became of a file; a job is done when all of its files are final."""
        if row.is_final and row.job_id in self.open:
            key, roles = self.open[row.job_id]
            roles.discard(row.role)
            if not roles:
                del self.open[row.job_id]
                self.done.append(key)

    def _files(self, job: ArchiveJob) -> Iterator[Wanted]:
        files: Sequence[RemoteFile] = self.archive.files(job.record, self.base_url)
        for row in job.rows.values():
            if row.file_id and row.sha256:
                self.known[row.file_id] = row.sha256
        chosen, trouble = {f.role for f in files if self._chosen(job.rows.get(f.role))}, None
        if chosen or not (files or NO_FILE in job.rows):
            known = {file.role for file in files}
            files, trouble = self._fresh(job, files)
            more = (file.role for file in files if file.role not in known)
            chosen.update(role for role in more if self._chosen(job.rows.get(role)))
        if job.key:
            final = {role for role, row in job.rows.items() if row.is_final}
            pending = {file.role for file in files} - final
            if pending:
                self.open[job.job_id] = job.key, pending
            elif files or NO_FILE in job.rows:  # without any file a job is not done by itself
                self.done.append(job.key)
        for file in (file for file in files if file.role in chosen):
            yield Wanted(
                job_id=job.job_id,
                kind=self.archive.kind,
                file=file,
                request_key=job.request_key,
                date_created=job.date_created,
                before=job.rows.get(file.role),
                trouble=trouble,
            )

    def _chosen(self, row: FileRow | None) -> bool:
        if row is None:
            return True
        match row.state:
            case "archived":
                return self.verify
            case "refused" | "dismissed":
                return self.again
        if self.again or row.due(self.now):
            return True
        self.resting += 1
        self.next_due = min(row.due_at, self.next_due or row.due_at)
        return False

    def _fresh(
        self, job: ArchiveJob, files: Sequence[RemoteFile]
    ) -> tuple[Sequence[RemoteFile], UserError | None]:
        """The job's files by its freshest record, at open addresses; or why there is none."""
        if self.refresh is None:
            return files, None
        try:
            record = self.refresh(job)
        except OtherAccount as error:  # the job's own account may have it
            return files, NotFetched(str(error))
        except NotFound as error:
            return files, FileRefused(str(error))
        except ProviderError as error:
            self.refusals += 1
            if self.refusals >= REFUSALS_IN_A_ROW:
                raise  # not one odd job: the provider is down, or the key is wrong
            return files, NotFetched(str(error))
        self.refusals = 0
        fresh = {file.role: file for file in self.archive.files(record, self.base_url)}
        lost = (file.role for file in files if file.role not in fresh)
        return [*fresh.values(), *(RemoteFile(role=role, sources=()) for role in lost)], None

    def of_ledger(self) -> Iterator[ArchiveJob]:
        """The ledger's jobs that succeeded and are not archived; `again` or `verify`: all."""
        jobs = self.ledger.jobs(
            provider=self.provider.name,
            kind=self.archive.kind,
            states=[JobState.SUCCEEDED],
            archived=None if self.again or self.verify else False,
        )
        jobs.sort(key=self._urgency)
        for start in range(0, len(jobs), warehouse.NAMES):
            chunk = jobs[start : start + warehouse.NAMES]
            names = next(warehouse.in_list_sql(job.job_id for job in chunk), "")
            rows = self.rows(f"job_id IN ({names})") if names else {}
            for job in chunk:
                yield ArchiveJob(
                    job_id=job.job_id,
                    record=job.record or {},
                    key=job.key,
                    request_key=job.request_key,
                    recipient=job.recipient,
                    rows=rows.get(job.job_id, {}),
                )

    def _urgency(self, job: JobRecord) -> tuple[bool, datetime]:
        """Files that expire first come first; those that have expired can wait."""
        if self.archive.expires is None:
            return False, job.first_seen
        end = self.archive.expires(job.finished_job)
        return end <= self.now, end

    def _of_rows(self, days: Days | None) -> Iterator[ArchiveJob]:
        own = {
            job.job_id: job
            for job in self.ledger.jobs(
                provider=self.provider.name, kind=self.archive.kind, states=[JobState.SUCCEEDED]
            )
        }
        columns, table = self.archive.columns, self.archive.job_table
        for within in self._parts(days):
            sql = f"""SELECT {", ".join(columns)} FROM {{{table}}}
                WHERE {within} AND {SUCCEEDED} ORDER BY date_created"""  # noqa: S608 own names
            rows = self.rows(within)
            for values in warehouse.query(self.provider, self.settings, sql) or []:
                record = dict(zip(columns, values, strict=True))
                mine = own.get(record["id"])
                yield ArchiveJob(
                    job_id=record["id"],
                    record=record,
                    key=mine.key if mine and not mine.archived else None,
                    request_key=mine.request_key if mine else None,
                    date_created=record["date_created"],
                    rows=rows.get(record["id"], {}),
                )

    def _parts(self, days: Days | None) -> Iterator[str]:
        """SQL conditions that together choose all rows; those that are in no day come last."""
        yield from (warehouse.day_range_sql(*span) for span in self._spans(days))
        if days is None:
            yield "date_created IS NULL"

    def _spans(self, days: Days | None) -> Iterator[Days]:
        """The days with jobs that succeeded, as many together as have some `JOBS_PER_QUERY`."""
        day = warehouse.day_sql()
        bounds = f"AND {warehouse.day_range_sql(*days) if days else 'date_created IS NOT NULL'}"
        sql = f"""SELECT {day} AS day, count(*) FROM {{{self.archive.job_table}}}
            WHERE {SUCCEEDED} {bounds} GROUP BY 1 ORDER BY 1"""  # noqa: S608 own names and dates
        span: list[date] = []
        jobs = 0
        for each, number in warehouse.query(self.provider, self.settings, sql) or []:
            if span and jobs + number > JOBS_PER_QUERY:
                yield span[0], span[-1] + DAY
                span, jobs = [], 0
            span.append(each)
            jobs += number
        if span:
            yield span[0], span[-1] + DAY

    def has_table(self) -> bool:
        """Whether the warehouse has the table of files."""
        sql = f"SELECT count(*) FROM {{{self.archive.table.name}}}"  # noqa: S608 own name
        return warehouse.query(self.provider, self.settings, sql) is not None

    def rows(self, condition: str) -> dict[str, dict[str, FileRow]]:
        """What became of files so far, by job and role."""
        columns = tuple(self.archive.table.columns)
        sql = f"""SELECT {", ".join(columns)} FROM {{{self.archive.table.name}}}
            WHERE {condition}"""  # noqa: S608 own names
        found: dict[str, dict[str, FileRow]] = {}
        for values in warehouse.query(self.provider, self.settings, sql) or []:
            row = FileRow.of(dict(zip(columns, values, strict=True)))
            found.setdefault(row.job_id, {})[row.role] = row
        return found


SUCCEEDED = f"state = '{JobState.SUCCEEDED.value}'"
