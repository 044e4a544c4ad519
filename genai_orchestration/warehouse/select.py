"""SELECTs over the warehouse, on any destination with SQL: over one dataset, or over all.

    DuckDB's SQL over dataset.table ─► the destination's own names and dialect ─► rows

A reader is opened for a moment and closed again: with DuckDB it holds the file's lock.
"""

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import sqlglot
from dlt.common.schema import Schema
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from sqlglot import exp

from genai_orchestration import compat
from genai_orchestration.providers.dlt_environment import addressed_variables
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse.pipelines import Dataset, destination

NAMES = 500  # in one SELECT
NAME = re.compile(r"[A-Za-z0-9_-]+")  # what may be between quotes
ROWS_PER_FETCH = 5_000  # rows in memory at once


class Reader:
    """An open warehouse, to be asked."""

    def __init__(self, job_client: Any) -> None:
        # every destination with SQL has this client, but dlt does not type it
        self._tables = job_client
        self._client = job_client.sql_client
        self._dialect = self._client.capabilities.sqlglot_dialect or "duckdb"

    def columns(self, dataset: str, tables: Collection[str]) -> Mapping[str, set[str]]:
        """The columns of those of the tables that exist."""
        with self._client.with_alternative_dataset_name(dataset):
            found = dict(self._tables.get_storage_tables(tables))
        return {name: {each.lower() for each in columns} for name, columns in found.items()}

    def rows(self, select: str | exp.Expression) -> Iterator[dict[str, Any]]:
        """The rows of one SELECT, by column name; DatabaseUndefinedRelation without the table."""
        for batch in self.batches(select):
            yield from (
                dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True)
            )

    def batches(self, select: str | exp.Expression) -> Iterator[dict[str, Sequence[Any]]]:
        """The rows of one SELECT, some thousands at a time, as columns by their names."""
        with self._client.execute_query(self.translated(select)) as cursor:
            names = [column[0].lower() for column in cursor.native_cursor.description]
            for batch in cursor.iter_fetch(ROWS_PER_FETCH):
                yield dict(zip(names, zip(*batch, strict=True), strict=True))

    def translated(self, select: str | exp.Expression) -> str:
        """The statement in the destination's dialect, with its qualified and quoted names."""
        parsed = sqlglot.parse_one(select, read="duckdb") if isinstance(select, str) else select
        return parsed.transform(self._qualified).sql(dialect=self._dialect)

    def _qualified(self, node: exp.Expression) -> exp.Expression:
        if not (isinstance(node, exp.Table) and node.db):
            return node
        with self._client.with_alternative_dataset_name(node.db):
            path = self._client.make_qualified_table_name_path(node.name, quote=False)
        name, database, catalog = (*reversed(path), None, None)[:3]
        return exp.table_(name, database, catalog, quoted=True, alias=node.alias or None)


@contextlib.contextmanager
def reading(settings: Settings) -> Iterator[Reader | None]:
    """A reader for the length of a with block; None when nothing was ever loaded."""
    files = settings.destination == "filesystem"  # which SQL does not reach across datasets
    if files or (settings.destination == "duckdb" and not settings.warehouse.exists()):
        yield None
        return
    client = job_client(settings, "reading", "information_schema")
    with client.sql_client:
        yield Reader(client)


def in_list_sql(names: Iterable[str]) -> Iterator[str]:
    """Names as SQL lists them, for `IN (...)`, some hundreds at a time; odd ones are left out."""
    sound = [f"'{name}'" for name in names if NAME.fullmatch(name)]
    return (", ".join(sound[start : start + NAMES]) for start in range(0, len(sound), NAMES))


def day_sql(column: str = "date_created") -> str:
    """SQL of the UTC day of a timestamp."""
    return f"CAST({column} AT TIME ZONE 'UTC' AS DATE)"


def day_range_sql(first: date, end: date) -> str:
    """The UTC days of `date_created` from `first` to before `end`, as a condition."""
    return (
        f"date_created >= TIMESTAMPTZ '{first} 00:00:00+00' "
        f"AND date_created < TIMESTAMPTZ '{end} 00:00:00+00'"
    )


def query(provider: Dataset, settings: Settings, sql: str) -> list[tuple[Any, ...]] | None:
    """The rows of one SELECT over the provider's dataset, on any destination with SQL.

    `sql` is DuckDB's dialect and is translated for the destination; `{images}` becomes the
    qualified name of that table. None when the warehouse does not have the table yet.
    """
    if settings.destination == "duckdb" and not settings.warehouse.exists():
        return None
    with job_client(settings, provider.section, provider.dataset).sql_client as client:
        names = {t.name: client.make_qualified_table_name(t.name) for t in provider.all_tables}
        try:
            dialect = client.capabilities.sqlglot_dialect or "duckdb"
            statement = sqlglot.transpile(sql.format(**names), read="duckdb", write=dialect)[0]
            return list(client.execute_sql(statement) or [])
        except DatabaseUndefinedRelation:
            return None


def job_client(settings: Settings, schema: str, dataset: str) -> Any:
    """dlt's client of the destination for a dataset; dlt types neither it nor its configuration."""
    target = destination(settings)
    with addressed_variables():
        config: Any = target.spec()
        return target.client(Schema(schema), compat.bound_to_dataset(config, dataset))
