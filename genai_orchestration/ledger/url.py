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
    address = settings.ledger_address
    if address.startswith("postgres://"):  # as hosting services write it
        address = address.replace("postgres", "postgresql", 1)
    try:
        url = sa.make_url(address)
    except (ArgumentError, ValueError):  # their words quote the address, with its password
        raise _wrong("is not the address of a database") from None
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise _wrong(f"names a database of the kind {backend}, which the ledger does not know")
    if backend == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise _wrong("names a database in memory, which forgets what was paid for")
    # the driver that this project installs; SQLAlchemy's own choice depends on its version
    bare = url.drivername == "postgresql"
    return url.set(drivername="postgresql+psycopg2") if bare else url


def _wrong(what: str) -> LedgerUnusable:
    return LedgerUnusable(
        f"{LEDGER_VARIABLE} {what}: set it to sqlite:///path/to/ledger.db or "
        "postgresql://user:password@host/database, or unset it for a file in GENAI_HOME."
    )
