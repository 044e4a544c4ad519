"""What is still to be archived, whatever loaded it: found in the warehouse and the ledger alone.

by day:  rows that succeeded and lack files ─► days ─► Plan, day by day ─► an unbroken range of them
ledger:  jobs that succeeded, not archived ──────────► Plan ─► files

The days come from one SELECT that may name a day too many; the plan, which is what an archiver
follows, has the last word. So nothing is asked for that an archiver would not do.
"""

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from genai_orchestration import warehouse
from genai_orchestration.archive.archiver import Wanted
from genai_orchestration.archive.plan import DAY, SUCCEEDED, ArchiveJob, ArchivePlan, Days
from genai_orchestration.archive.rows import NO_FILE, due_sql, rest_after

RECENT = timedelta(days=1)  # today and yesterday
MOST_READ = 10_000  # jobs without a row that are read to see whether they have files
EMPTY = {
    "job_id": "VARCHAR",
    "role": "VARCHAR",
    "state": "VARCHAR",
    "attempts": "BIGINT",
    "tried_at": "TIMESTAMPTZ",
}
DAY_SQL = warehouse.day_sql()


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What an archiver would fetch now, at most as many files as were asked for."""

    files: int = 0
    done: int = 0  # jobs of the ledger whose files are all final, which nobody has noted yet
    days: Days | None = None  # by day: the range that has those files
    waiting: int = 0  # jobs that lack files which may be fetched now
    out_of_reach: int = 0  # of them, those of days that have no partition
    resting: int = 0  # failed files that are not asked for yet
    next_due: datetime | None = None  # when the first of them is

    def __bool__(self) -> bool:
        return bool(self.files or self.done)


def backlog(
    plan: ArchivePlan,
    most: int,
    *,
    recent_first: bool = True,
    late: Callable[[], bool] = lambda: False,
) -> Backlog:
    """What is to be archived next, at most `most` files. `plan` must not have a `refresh`.

    By day it is an unbroken range: of today and yesterday, or of the oldest days that wait. When
    it is `late`, what was found so far is the answer.
    """
    if not plan.archive.columns:
        files = sum(1 for _ in plan.wanted(None, most))
        return Backlog(
            files=files,
            done=len(plan.done),
            waiting=len(plan.open),
            resting=plan.resting,
            next_due=plan.next_due,
        )
    waiting = _waiting(plan)
    within = {day: jobs for day, jobs in waiting.items() if _has_partition(plan, day)}
    ranges = _ordered(within, plan.now.date() - RECENT, recent_first)
    found = _first(plan, ranges, most, late)
    return dataclasses.replace(
        found,
        waiting=sum(waiting.values()),
        out_of_reach=sum(waiting.values()) - sum(within.values()),
        **_resting(plan),
    )


def without_files(plan: ArchivePlan, days: Days | None = None) -> Iterator[ArchiveJob]:
    """The jobs that succeeded, have no file, and were not dismissed."""
    jobs = _without_rows(plan, days) if plan.archive.columns else plan.of_ledger()
    for job in jobs:
        if not job.rows and not plan.archive.files(job.record, plan.base_url):
            yield job


def _without_rows(plan: ArchivePlan, days: Days | None) -> Iterator[ArchiveJob]:
    """By day: the jobs that succeeded and have no row of a file, the oldest of them."""
    columns = plan.archive.columns
    bounds = f"AND {warehouse.day_range_sql(*days)}" if days else ""
    sql = f"""SELECT {", ".join(columns)} FROM {{{plan.archive.job_table}}} AS j
        WHERE {SUCCEEDED} {bounds}
            AND NOT EXISTS (SELECT 1 FROM {_files(plan)} AS f WHERE f.job_id = j.id)
        ORDER BY date_created LIMIT {MOST_READ}"""  # noqa: S608 own names and dates
    for values in warehouse.query(plan.provider, plan.settings, sql) or []:
        record = dict(zip(columns, values, strict=True))
        created = record["date_created"]
        yield ArchiveJob(job_id=record["id"], record=record, date_created=created)


def _has_partition(plan: ArchivePlan, day: date) -> bool:
    start = plan.provider.start() if plan.provider.start else date.min
    return start <= day <= plan.now.date()


def _ordered(days: Collection[date], recent: date, recent_first: bool) -> list[Days]:
    """The unbroken ranges of the days, in the order in which they are tried."""
    old = [*_unbroken(day for day in days if day < recent)]
    new = [*_unbroken(day for day in days if day >= recent)]
    return new + old if recent_first else old + new


def _unbroken(days: Iterable[date]) -> Iterator[Days]:
    for _, found in itertools.groupby(enumerate(sorted(days)), lambda n: n[1].toordinal() - n[0]):
        first, *more = [day for _, day in found]
        yield first, (more[-1] if more else first) + DAY


def _first(plan: ArchivePlan, ranges: list[Days], most: int, late: Callable[[], bool]) -> Backlog:
    """What is to be fetched of the first range that has something."""
    for days in ranges:
        if late():
            break
        wanted = itertools.takewhile(lambda _: not late(), plan.wanted(days, most))
        found = [_day(file) for file in wanted]
        if found:
            return Backlog(files=len(found), days=(min(found), max(found) + DAY))
    return Backlog()


def _day(file: Wanted) -> date:
    assert file.date_created
    return file.date_created.astimezone(timezone.utc).date()


def _waiting(plan: ArchivePlan) -> dict[date, int]:
    """How many jobs lack files that may be fetched now, by day."""
    sql = f"""SELECT {DAY_SQL} AS day, count(*)
        FROM (SELECT * FROM {{{plan.archive.job_table}}} WHERE {SUCCEEDED}) AS j
        LEFT JOIN (SELECT job_id, count(*) AS files FROM {_files(plan)} AS rows
            WHERE role <> '{NO_FILE}' AND NOT {due_sql(plan.now)} GROUP BY job_id) AS f
        ON f.job_id = j.id
        WHERE COALESCE(f.files, 0) < {plan.archive.least_files} GROUP BY 1"""  # noqa: S608 own names and dates
    return dict(warehouse.query(plan.provider, plan.settings, sql) or [])


def _resting(plan: ArchivePlan) -> dict[str, Any]:
    """How many failed files rest, and until when the first of them does."""
    sql = f"""SELECT attempts, MIN(tried_at), count(*) FROM {_files(plan)} AS rows
        WHERE state = 'failed' AND NOT {due_sql(plan.now)} GROUP BY 1"""  # noqa: S608 own names and dates
    found = warehouse.query(plan.provider, plan.settings, sql) or []
    dues = [tried_at + rest_after(attempts) for attempts, tried_at, _ in found]
    return {"resting": sum(number for *_, number in found), "next_due": min(dues, default=None)}


def _files(plan: ArchivePlan) -> str:
    """The archive's table for a SELECT, or nothing in its shape while it is not there."""
    if plan.has_table():
        return f"{{{plan.archive.table.name}}}"
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in EMPTY.items())
    return f"(SELECT {columns} FROM (SELECT 1 AS one) AS nothing WHERE 1 = 0)"  # noqa: S608
