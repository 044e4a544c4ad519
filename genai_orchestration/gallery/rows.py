"""What the gallery shows, as SELECTs over `genai.generations`: filtered, counted and cut by SQL.

    Filters ─► WHERE ─┬─► a page of rows, and how many there are in all
                      └─► what the charts draw, a row per day

Each function opens the warehouse for a moment: nothing is held while a person reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from dlt.destinations.exceptions import DatabaseUndefinedRelation
from sqlglot import exp, parse_one

from genai_orchestration.loading.generations import GENERATIONS, OWN
from genai_orchestration.loading.generations_sql import ASSET_FILE
from genai_orchestration.providers import all_providers, provider_named
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse.select import Reader, day_sql, reading

PAGE = 48  # cards of a page: rows of 2, 3, 4, 6 and 8 come out even
MOST_CHOICES = 500  # of a filter
TABLE = f"{OWN.dataset}.{GENERATIONS.name}"
DAY_SQL = day_sql("created_at")
FILE_COLUMNS = "role, archived_path, sha256, bytes, width, height, state, reason"

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What is searched for; empty means everything."""

    text: str = ""  # all of them are in the prompt
    provider: str | None = None
    state: str | None = None
    campaign: str | None = None
    first: date | None = None  # UTC days, both inclusive
    last: date | None = None

    def conditions(self) -> Iterator[exp.Expression]:
        """The filters as SQL; what a person typed is only ever a literal."""
        for word in self.text.lower().replace("\0", " ").split():
            yield exp.StrPosition(
                this=exp.func("LOWER", exp.column("prompt")), substr=exp.Literal.string(word)
            ) > exp.Literal.number(0)
        for name in ("provider", "state", "campaign"):
            if wanted := getattr(self, name):
                yield exp.column(name).eq(exp.Literal.string(wanted))
        if self.first:
            yield exp.column("created_at") >= _midnight(self.first)
        if self.last:
            yield exp.column("created_at") < _midnight(self.last + timedelta(days=1))

    def of(self, sql: str) -> exp.Select:
        """The SELECT, of what fits."""
        return _parsed(sql).where(*self.conditions())


@dataclass(frozen=True)
class Page:
    """Some of the rows, the newest first, and how many fit the filters in all."""

    rows: Sequence[Row]
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are; one at least."""
        return max(1, -(-self.total // PAGE))


def page(settings: Settings, filters: Filters, number: int = 1, size: int = PAGE) -> Page:
    """The page of that number, from 1."""
    newest = filters.of(
        f"SELECT * FROM {TABLE} ORDER BY created_at DESC NULLS LAST, provider, job_id"  # noqa: S608
    )
    counted, rows = ask(
        settings,
        filters.of(f"SELECT COUNT(*) AS total FROM {TABLE}"),  # noqa: S608 own name
        newest.limit(size).offset((number - 1) * size),
    )
    return Page(rows, counted[0]["total"] if counted else 0)


def choices(settings: Settings) -> Mapping[str, list[str]]:
    """What there is to choose from, by column."""
    names = ("provider", "state", "campaign")
    asked = (
        f"SELECT DISTINCT {name} AS choice FROM {TABLE} "  # noqa: S608 own names
        f"WHERE NOT {name} IS NULL ORDER BY 1 LIMIT {MOST_CHOICES}"
        for name in names
    )
    found = ask(settings, *(_parsed(sql) for sql in asked))
    return {name: [row["choice"] for row in rows] for name, rows in zip(names, found, strict=True)}


def span(settings: Settings) -> tuple[date, date] | None:
    """The first and the last day that has images; None without any."""
    asked = _parsed(f"SELECT MIN({DAY_SQL}) AS first, MAX({DAY_SQL}) AS last FROM {TABLE}")  # noqa: S608 own names
    found = ask(settings, asked)[0]
    return (found[0]["first"], found[0]["last"]) if found and found[0]["first"] else None


def files(settings: Settings, job: Row) -> Sequence[Row]:
    """The job's files, archived and not, by role."""
    dataset = provider_named(job["provider"]).dataset
    asked = _parsed(f"SELECT {FILE_COLUMNS} FROM {dataset}.{ASSET_FILE} ORDER BY role")  # noqa: S608 own names
    mine = exp.column("job_id").eq(exp.Literal.string(job["job_id"]))
    return ask(settings, asked.where(mine))[0]


def days(settings: Settings, filters: Filters) -> Sequence[Row]:
    """How many images, and their credits, by day, provider and state."""
    asked = filters.of(f"""
        SELECT {DAY_SQL} AS day, provider, state, COUNT(*) AS images, SUM(credits) AS credits
        FROM {TABLE} WHERE NOT created_at IS NULL GROUP BY 1, 2, 3""")  # noqa: S608 own names
    return [{**row, "credits": int(row["credits"] or 0)} for row in ask(settings, asked)[0]]


def speeds(settings: Settings, filters: Filters) -> Sequence[Row]:
    """Seconds from creation to end of what succeeded, by day: p50 and p95."""
    asked = filters.of(f"""
        SELECT {DAY_SQL} AS day, QUANTILE_CONT(seconds, 0.5) AS p50,
               QUANTILE_CONT(seconds, 0.95) AS p95
        FROM {TABLE} WHERE NOT seconds IS NULL AND state = 'SUCCEEDED' GROUP BY 1""")  # noqa: S608 own names
    return ask(settings, asked)[0]


def balances(settings: Settings) -> Sequence[Row]:
    """The last balance of each day, of the providers that publish one."""
    day = day_sql("read_at")
    asked = (
        f"""SELECT '{provider.name}' AS provider, day, balance FROM (
            SELECT {day} AS day, {table.balance_sql} AS balance,
                   ROW_NUMBER() OVER (PARTITION BY {day} ORDER BY read_at DESC) AS place
            FROM {provider.dataset}.{table.name}
        ) AS ranked WHERE place = 1"""  # noqa: S608 own names
        for provider in all_providers()
        if (table := provider.balance_table)
    )
    found = ask(settings, *(_parsed(sql) for sql in asked))
    return [row for rows in found for row in rows if row["balance"] is not None]


def ask(settings: Settings, *asked: exp.Expression) -> list[Sequence[Row]]:
    """The rows of each SELECT, in one visit; none where a table is not there yet."""
    with reading(settings) as reader:
        return [_rows(reader, select) if reader else [] for select in asked]


def _rows(reader: Reader, asked: exp.Expression) -> Sequence[Row]:
    try:
        return list(reader.rows(asked))
    except DatabaseUndefinedRelation:
        return []


def _midnight(day: date) -> exp.Expression:
    return exp.cast(exp.Literal.string(f"{day} 00:00:00+00"), "timestamptz")


def _parsed(sql: str) -> exp.Select:
    parsed = parse_one(sql, read="duckdb")
    assert isinstance(parsed, exp.Select)
    return parsed
