"""A watched table: its rows as a `Sheet`, with columns named as in a file of requests.

    address, table ─► reflect ─► SELECT, read only ─► one Sheet; rows named by their primary key

A view does as well as a table. Nothing is ever written to it.
"""

import contextlib
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import (
    NoSuchModuleError,
    NoSuchTableError,
    SQLAlchemyError,
)

from genai_orchestration.inbox.folder import InboxUnreadable
from genai_orchestration.ledger.url import parse_url
from genai_orchestration.requests.file import PLAIN, Columns
from genai_orchestration.requests.file_rows import Sheet, sheet_of

MOST_ROWS = 100_000  # of one tick, which has to end within Dagster's 60 s
CONNECT_TIMEOUT_SECONDS = 10  # seconds until a database that does not answer is given up
SLOWEST = 20  # seconds of one statement, on PostgreSQL
CONNECTING: dict[str, dict[str, Any]] = {
    "postgresql": {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "options": f"-c statement_timeout={SLOWEST}s -c default_transaction_read_only=on",
    },
    "mysql": {"connect_timeout": CONNECT_TIMEOUT_SECONDS},
    "sqlite": {"timeout": CONNECT_TIMEOUT_SECONDS},
}


def read_table(address: str, name: str, columns: Columns) -> Sheet:
    """The rows of the table or view `name` (or `schema.name`); InboxUnreadable in a sentence."""
    url = _url(address)
    with _in_words(url, name), _connected(url) as connection:
        schema, _, bare = name.rpartition(".")
        table = sa.Table(
            bare, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False
        )
        key = list(table.primary_key.columns)
        query = sa.select(table).order_by(*key).limit(MOST_ROWS + 1)
        rows = connection.execute(query).mappings().all()
    if len(rows) > MOST_ROWS:
        raise InboxUnreadable(
            f"The table {name} has more than {MOST_ROWS:,} rows: make a view of the recent ones, "
            "and set that as table in [requests]."
        )
    unread = {column.name for column in key} - _meant(columns)
    kept = [column.name for column in table.columns if column.name not in unread]
    cells = ({name: _plain(row[name]) for name in kept} for row in rows)
    sheet = sheet_of(zip(_numbers(rows, key), cells, strict=True), prune=True)
    return Sheet(dict.fromkeys(kept, 1), sheet.rows, as_text=True)


def _meant(columns: Columns) -> set[str]:
    """Columns that mean something, even when they are the primary key."""
    return {*PLAIN, *columns.mapping}


def _numbers(rows: Sequence[sa.RowMapping], key: Sequence[sa.Column[Any]]) -> Sequence[int]:
    """What a row is called in a sentence: its primary key, where that is a number."""
    if len(key) == 1 and all(type(row[key[0].name]) is int for row in rows):
        return [row[key[0].name] for row in rows]
    return range(1, len(rows) + 1)


def _plain(value: Any) -> Any:
    """A database's value as a file would have it."""
    match value:
        case Decimal() if value.is_finite():
            return int(value) if value == value.to_integral_value() else float(value)
        case uuid.UUID():
            return str(value)
    return value


def _url(text: str) -> sa.URL:
    url = parse_url(text)
    if url is None:
        raise InboxUnreadable(
            "database in [requests] is not the address of a database: write it like "
            "postgresql://user:password@host/name, or sqlite:///path/to/file.db."
        )
    return url


@contextlib.contextmanager
def _connected(url: sa.URL) -> Iterator[sa.Connection]:
    backend = url.get_backend_name()
    if backend == "sqlite" and not Path(url.database or "").is_file():  # else it would be made
        raise InboxUnreadable(
            f"The database {_shown(url)} is not there: make it, or set another one in [requests]."
        )
    given = {k: v for k, v in CONNECTING.get(backend, {}).items() if k not in url.query}
    engine = sa.create_engine(url, connect_args=given, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            if backend == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            yield connection
    finally:
        engine.dispose()


@contextlib.contextmanager
def _in_words(url: sa.URL, table: str) -> Iterator[None]:
    try:
        yield
    except NoSuchTableError:
        raise InboxUnreadable(
            f"There is no table {table} in {_shown(url)}: make it, or set another table in "
            "[requests]."
        ) from None
    except (ImportError, NoSuchModuleError):
        raise InboxUnreadable(
            f"The driver of {_shown(url)} is not installed: install the one that SQLAlchemy names "
            f"for {url.drivername}, or set another database in [requests]."
        ) from None
    except (SQLAlchemyError, UnicodeError) as error:
        raise InboxUnreadable(
            f"The table {table} in {_shown(url)} cannot be read: {_cause(error, url)}. Fix that, "
            "or set another database or table in [requests]."
        ) from None


def _shown(url: sa.URL) -> str:
    """The address without a password, which may also be in its query."""
    return url.set(query={}).render_as_string(hide_password=True)


def _cause(error: Exception, url: sa.URL) -> str:
    """The first line of the database's own words, without the password, if they have it."""
    cause = str(getattr(error, "orig", None) or error).strip()
    line = cause.splitlines()[0] if cause else "no reason given"
    hidden = [url.password, *(v for k, v in url.query.items() if "pass" in k)]
    for secret in filter(None, hidden):
        line = line.replace(str(secret), "***")
    return line
