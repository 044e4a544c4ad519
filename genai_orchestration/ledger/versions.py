"""The version of a ledger's tables: those of an earlier one are brought up by themselves.

    1  no `server`, `account` and `clock`; campaigns as they were typed; no table that says so
    2  those columns, `sightings`, this table; campaigns in their canonical form

Columns, indexes and tables are only ever added: a process of the earlier version that still runs
goes on writing, and what it sends is never released, for nobody knows where it went.
"""

from datetime import datetime

import sqlalchemy as sa

from genai_orchestration import clock
from genai_orchestration.ledger.tables import METADATA, UtcTime, requests
from genai_orchestration.ledger.url import LedgerUnusable
from genai_orchestration.requests.request import canonical_campaign

VERSION = 2
ledger = sa.Table(
    "ledger",
    METADATA,
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("made_at", UtcTime),  # null: before version 2
)


def bring_up(connection: sa.Connection, shown: str) -> None:
    """Make the tables, or bring those of an earlier version up.

    LedgerUnusable for a later version, of which nothing is changed: what it relies on would not be
    written.
    """
    found = sa.inspect(connection)
    version = _version(connection) if found.has_table(ledger.name) else None
    if version is not None and version > VERSION:
        raise LedgerUnusable(
            f"The ledger {shown} is of version {version}, and this genai_orchestration knows "
            f"{VERSION}: install the newer one that has written to it."
        )
    made = None if found.has_table(requests.name) else clock.now()
    METADATA.create_all(connection)
    _add_columns(connection)
    if version is None:
        _write_campaigns_canonically(connection)
        connection.execute(sa.insert(ledger).values(version=VERSION, made_at=made))


def made_at(connection: sa.Connection) -> datetime | None:
    """When the ledger was made; None for one of before version 2."""
    made: datetime | None = connection.execute(sa.select(ledger.c.made_at)).scalar_one()
    return made


def _version(connection: sa.Connection) -> int | None:
    return connection.execute(sa.select(ledger.c.version)).scalar_one_or_none()


def _add_columns(connection: sa.Connection) -> None:
    """Add the columns and indexes that are not there."""
    found = sa.inspect(connection)
    quote = connection.dialect.identifier_preparer.quote
    for table in METADATA.sorted_tables:
        there = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(connection.dialect)
                connection.exec_driver_sql(
                    f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(column.name)} {kind}"
                )
        known = {index["name"] for index in found.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in known:
                index.create(connection)


def _write_campaigns_canonically(connection: sa.Connection) -> None:
    """Requests of version 1 have their campaigns as they were typed: sums would not meet."""
    column = requests.c.campaign
    for name in connection.execute(sa.select(column).distinct()).scalars().all():
        if (canonical := canonical_campaign(name)) != name:
            connection.execute(sa.update(requests).where(column == name).values(campaign=canonical))
