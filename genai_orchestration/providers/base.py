"""What a provider is: a frozen value that everything else is built from.

    Provider ──► source(...)   its dlt source: GET only, free of charge
             ├─► tables        what it loads: descriptions, keys, types, freshness
             ├─► schedules     when
             ├─► statuses      its status words in the one vocabulary of JobState
             ├─► archive       which files its finished jobs have, and where
             └─► watches       what its sensors ask

Nothing here knows Dagster, and no provider knows another.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

from dlt.common.data_types import TDataType
from dlt.extract import DltSource

from genai_orchestration.providers.files import RemoteFile
from genai_orchestration.providers.http import RetryPolicy
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import FinishedJob, JobKind, Operation, Submitter

Disposition = Literal["merge", "replace", "append"]


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of a provider: a dlt resource, a warehouse table and a Dagster asset at once."""

    name: str
    description: str  # what a person reads in the web UI
    disposition: Disposition
    primary_key: tuple[str, ...] = ()
    uuids: tuple[str, ...] = ()  # columns stored in lower case: a server may send either
    columns: Mapping[str, TDataType] = field(default_factory=dict)
    hard_delete: str | None = None  # a row with this column set deletes the stored one
    by_day: bool = False  # partitioned by UTC day of `date_created`
    fresh_within: timedelta | None = None  # how old the newest load may be
    picture: str | None = None  # column with the address of a picture to show
    caption: str | None = None  # column with the words below it
    # of a table with a row per reading at `read_at`: the columns that add up to the credits left
    balance: tuple[str, ...] = ()
    states: bool = False  # has the columns `status` (vendor's word) and `state` (JobState)

    @property
    def balance_sql(self) -> str:
        """What may be spent, of a row of a table with a `balance`: the sum of its columns."""
        first, *more = self.balance
        return " + ".join([first, *(f"COALESCE({name}, 0)" for name in more)])


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A cron schedule, in UTC, that loads some of a provider's tables; none means all."""

    name: str
    cron: str
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counts:
    """How many jobs of some days are open, and how many are finished (succeeded or failed)."""

    unfinished: int
    finished: int


class DayCounter(Protocol):
    """An API that can count its jobs by UTC day. All methods raise ProviderError in words."""

    def counts(self, start: date, end: date | None) -> Counts:
        """Jobs created from `start` (inclusive) to `end` (exclusive)."""

    def unfinished_days(self, start: date, end: date) -> Iterator[date]:
        """The days from `start` to before `end` that have open jobs, a request for each."""

    def unfinished(self, start: date, before: datetime | None = None) -> int:
        """Open jobs created since `start`, and before then."""

    def oldest_unfinished(self, start: date) -> datetime | None:
        """When the oldest open job since `start` was created; None when none is open."""

    def oldest_open(self, start: date, before: datetime, most: int) -> list[tuple[str, datetime]]:
        """Id and creation of the oldest of them, at most so many."""


@dataclass(frozen=True)
class Finding:
    """Something that `genai doctor` says: a mark, and a sentence with the next step."""

    mark: str
    message: str
    broken: bool = False

    @classmethod
    def good(cls, message: str) -> "Finding":
        """It works."""
        return cls("ok  ", message)

    @classmethod
    def off(cls, message: str) -> "Finding":
        """It is not configured, or not as it could be; nothing is broken by that."""
        return cls("--  ", message)

    @classmethod
    def bad(cls, message: str) -> "Finding":
        """It does not work, and a person has to do something."""
        return cls("BAD ", message, broken=True)


@dataclass(frozen=True, kw_only=True)
class DayWatch:
    """A polling sensor that follows the jobs of a table by counting them per day."""

    sensor: str
    table: str
    noun: str  # what a job is called in a sentence: "images"
    connect: Callable[[RetryPolicy], DayCounter]
    # how many jobs no day from the first (inclusive) to the last (exclusive) holds, by reason
    in_no_day: Callable[[date, date], Mapping[str, int]] | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeWatch:
    """A sensor that loads `tables` when one cheap request says that something has changed."""

    sensor: str
    tables: tuple[str, ...]
    version: Callable[[], str]  # another text whenever something has changed


@dataclass(frozen=True, kw_only=True)
class Archive:
    """Which files the finished jobs of a kind have, and how they are had."""

    table: Table  # what became of them
    kind: str  # of jobs: "image"
    job_table: str  # the table that the jobs are loaded into
    # the columns of it that `files` reads: its rows are the jobs; none: the ledger's records are
    columns: tuple[str, ...] = ()
    # SQL: how many files a row of `job_table` has, at least; finds the days that lack some
    least_files: str = "1"
    # from the record of a job that succeeded, and the configured base_url
    files: Callable[[Mapping[str, Any], str], list[RemoteFile]]
    # asks for a job's record again, whose addresses are open then; NotFound when it is gone
    refresh: Callable[[RetryPolicy], Callable[[str], Mapping[str, Any]]] | None = None
    # when the provider's own copy can no longer be relied on; None: it stays
    expires: Callable[[FinishedJob], datetime] | None = None


@dataclass(frozen=True, kw_only=True)
class JobHistoryQuery:
    """Where a provider's own tables have its jobs, for the table of all generations.

    `select` names tables as they are, and gives kind, job_id, ref (that may be a request key),
    prompt, state, created_at, finished_at, credits, address (of a picture: text, or JSON with it
    inside), error_text. What it does not know is null: the request may know it.
    """

    tables: tuple[str, ...]
    select: str
    failure: Callable[[str], Failure] | None = None  # why, by the error's text


@dataclass(frozen=True, kw_only=True)
class Account:
    """As whom, and where, a provider is asked."""

    api_key: str = field(repr=False)
    base_url: str


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A SaaS provider: everything that the rest of the project needs to know of it."""

    name: str  # "imagine_api": names its source, pipeline, dataset, assets and jobs
    title: str  # "ImagineAPI": how the vendor writes it
    package: str  # the provider's Python package
    base_url: str  # the vendor's own, when none is configured
    paths: tuple[str, ...] = ()  # how the API's paths begin: with one of them a base_url ends
    source: Callable[..., DltSource]
    examine: Callable[[Account], Iterator[Finding]]  # asks the API whether all is well
    tables: tuple[Table, ...]
    schedules: tuple[Schedule, ...] = ()
    statuses: Mapping[str, JobState] = field(default_factory=dict)  # vendor's word -> state
    start: Callable[[], date] | None = None  # the first day of tables that are `by_day`
    settings: tuple[Callable[[], object], ...] = ()  # read its own ones; WrongSetting in words
    beginning: date = date(2000, 1, 1)  # no record is older: where `start` cannot be read
    operations: tuple[Operation, ...] = ()  # its paid POSTs
    submitter: Callable[[], Submitter] | None = None  # sends them, for the configured account
    job_kinds: tuple[JobKind, ...] = ()  # what they make
    loaded_jobs: JobHistoryQuery | None = None  # what the warehouse knows of them
    in_flight: int | None = None  # jobs that may run at once, unless configured otherwise
    posts_per_second: int | None = None  # its ceiling for POSTs, over all processes
    day_watch: DayWatch | None = None
    change_watch: ChangeWatch | None = None
    archive: Archive | None = None

    @property
    def section(self) -> str:
        """The section of dlt's configuration, below `sources`, as the seeds give it."""
        return f"{self.name}_source"

    @property
    def pipeline(self) -> str:
        """The dlt pipeline's name."""
        return f"{self.name}_pipeline"

    @property
    def dataset(self) -> str:
        """The dataset (schema) in the warehouse."""
        return f"{self.name}_data"

    @property
    def balance_table(self) -> Table | None:
        """The table of the balance's readings; None where the provider publishes none."""
        return next((table for table in self.tables if table.balance), None)

    def table(self, name: str) -> Table:
        """The table of that name; KeyError when the provider has none."""
        return {table.name: table for table in self.all_tables}[name]

    def job_kind(self, name: str) -> JobKind:
        """The kind of jobs of that name; KeyError when the provider has none."""
        return {kind.name: kind for kind in self.job_kinds}[name]

    @property
    def all_tables(self) -> tuple[Table, ...]:
        """What it loads, and what is archived of it."""
        return (*self.tables, *((self.archive.table,) if self.archive else ()))
