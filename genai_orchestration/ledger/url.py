"""Where the ledger is kept: the database that the settings name."""

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from genai_orchestration.errors import UserError
from genai_orchestration.settings import LEDGER_VARIABLE, Settings


class LedgerUnusable(UserError):
    """The ledger's database cannot be opened, or is no place for a durable record."""


def url_of(settings: Settings) -> sa.URL:
    """The database's address; LedgerUnusable for one that the ledger cannot be kept at."""
    if settings.ledger_address is None:
        return sa.URL.create("sqlite", database=str(settings.ledger))
    url = parse_url(settings.ledger_address)
    if url is None:
        raise _wrong("is not the address of a database")
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise _wrong(f"names a database of the kind {backend}, which the ledger does not know")
    if backend == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise _wrong("names a database in memory, which forgets what was paid for")
    return url


def parse_url(text: str) -> sa.URL | None:
    """A database's URL as SQLAlchemy takes it; None for what is none."""
    if text.startswith("postgres://"):  # as hosting services write it
        text = text.replace("postgres", "postgresql", 1)
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):  # their text quotes the URL, with its password
        return None
    # the driver that this project installs; SQLAlchemy's own choice depends on its version
    return url.set(drivername="postgresql+psycopg2") if url.drivername == "postgresql" else url


def _wrong(what: str) -> LedgerUnusable:
    return LedgerUnusable(
        f"{LEDGER_VARIABLE} {what}: set it to sqlite:///path/to/ledger.db or "
        "postgresql://user:password@host/database, or unset it for a file in GENAI_HOME."
    )
