"""The ledger's database: opened safely by many processes at once, with one writer at a time.

    write()  one transaction, alone:  SQLite      BEGIN IMMEDIATE
                                      PostgreSQL  an advisory lock that ends with the transaction
    read()   one transaction, beside the writer: it sees whole transactions only

A writer that dies, however it dies, leaves nothing of its transaction, and its lock is free.
"""

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from genai_orchestration.doors.private import close, private_folder
from genai_orchestration.errors import UserError
from genai_orchestration.ledger import versions as ledger_versions
from genai_orchestration.ledger.url import LedgerUnusable, url_of
from genai_orchestration.settings import LEDGER_VARIABLE, Settings
from genai_orchestration.warehouse import locks
from genai_orchestration.warehouse.storage_errors import trouble_with

BUSY_TIMEOUT_SECONDS = 60  # that a writer waits for the others; each takes milliseconds
HUNG_SECONDS = 30  # until PostgreSQL takes the lock from a writer that has stopped
WRITER_LOCK = 0x67656E61695F6C67  # "genai_lg": PostgreSQL's number of the lock, in this database
_WRITES = "genai_writes"
_LOCK_TIMEOUT = "55P03"  # PostgreSQL's code; its words depend on the server's language


class LedgerBusy(UserError):
    """Others kept the ledger for longer than this process was ready to wait."""


class LedgerDatabase:
    """An open database that has the ledger's tables. Threads may share it, forks may not."""

    def __init__(self, url: sa.URL) -> None:
        self.shown = url.render_as_string(hide_password=True)
        self._url, self._file = url, _identity(url)
        self._engine = _engine(url)
        self._writer = self._engine.execution_options(**{_WRITES: True})

    @classmethod
    def open(cls, settings: Settings) -> "LedgerDatabase":
        """Open GENAI_LEDGER, or GENAI_HOME/ledger.db, and make the tables that are not there."""
        url = url_of(settings)
        database = cls(url)
        try:
            if settings.ledger_address is None:
                private_folder(settings.home)
            with _alone(url), database._writer.begin() as connection:
                ledger_versions.bring_up(connection, database.shown)
                database._file = _identity(url)
                _keep_private(url)
        except (DBAPIError, OSError) as error:
            database.close()
            if isinstance(error, OSError) and settings.ledger_address is None:
                raise  # it is about GENAI_HOME, and reported as such
            raise _cannot_open(url, error) from error
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @property
    def _is_server(self) -> bool:
        return self._url.get_backend_name() != "sqlite"

    @property
    def clock(self) -> str | None:
        """What names the server's own clock; None where the database is a file and has none."""
        return "database" if self._is_server else None

    def now(self) -> datetime | None:
        """The server's time, which all hosts share; None where the database is a file."""
        if not self._is_server:
            return None
        with self.read() as connection:
            moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
            return moment.astimezone(timezone.utc)

    def made_at(self) -> datetime | None:
        """When the ledger was made; None for one of an earlier version, which did not say."""
        with self.read() as connection:
            return ledger_versions.made_at(connection)

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that no other writer runs beside; LedgerBusy after PATIENCE."""
        self._check_file()
        with self._in_words(), self._writer.begin() as connection:
            yield connection

    def _check_file(self) -> None:
        """LedgerUnusable when the file is not the opened one: what is written would be lost."""
        if self._file != _identity(self._url):
            raise LedgerUnusable(
                f"The ledger {self.shown} was replaced or removed while it was open, so nothing is "
                "written to it: end what is running, put the right file there, and start again. "
                "What was sent is known to the file that was there."
            )

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that changes nothing."""
        with self._in_words(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """A database that fails, as a sentence."""
        try:
            yield
        except DBAPIError as error:
            if isinstance(error, OperationalError) and _is_busy(error):
                raise LedgerBusy(
                    f"The ledger {self.shown} is in use: another process has been writing to it "
                    f"for {BUSY_TIMEOUT_SECONDS} s. See which one hangs, end it, and run this "
                    "again."
                ) from error
            raise LedgerUnusable(
                f"The ledger {self.shown} has failed: {_reason(error, self._url)}; check where the "
                "request stands before you go on."
            ) from error


def _identity(url: sa.URL) -> tuple[int, int] | None:
    """What distinguishes a file from another one at the same place; None for no file."""
    if url.get_backend_name() != "sqlite":
        return None
    try:
        found = os.stat(str(url.database))
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_busy(error: OperationalError) -> bool:
    codes = [getattr(error.orig, name, None) for name in ("pgcode", "sqlstate")]
    return "database is locked" in str(error) or _LOCK_TIMEOUT in codes


def _reason(error: Exception, url: sa.URL) -> str:
    """Why the database fails, and what to do about it; without a point."""
    if url.get_backend_name() == "sqlite":
        trouble = trouble_with(error, Path(str(url.database)))
        if trouble:
            return f"{_first_line(error)} ({trouble.what}). {trouble.remedy.capitalize()}"
    return f"{_first_line(error)}. Correct that"


def _first_line(error: Exception) -> str:
    cause = str(error.orig if isinstance(error, DBAPIError) else error).strip()
    return cause.splitlines()[0] if cause else "no reason given"


def _cannot_open(url: sa.URL, error: Exception) -> LedgerUnusable:
    return LedgerUnusable(
        f"The ledger {url.render_as_string(hide_password=True)} cannot be opened: "
        f"{_reason(error, url)}, or set {LEDGER_VARIABLE} to another database."
    )


def _engine(url: sa.URL) -> sa.Engine:
    sqlite = url.get_backend_name() == "sqlite"
    arguments: dict[str, Any] = (
        {"connect_args": {"timeout": BUSY_TIMEOUT_SECONDS}} if sqlite else {}
    )
    if not sqlite:
        # what the writer reads after it got the lock has to be what the last one has committed
        arguments = {"isolation_level": "READ COMMITTED", "pool_pre_ping": True}
    try:
        engine = sa.create_engine(url, **arguments)
    except (ImportError, NoSuchModuleError):
        raise LedgerUnusable(
            f"The driver of the ledger {url.render_as_string(hide_password=True)} is not "
            "installed: run pip install 'genai_orchestration[postgres]'."
        ) from None
    if sqlite:
        sa.event.listen(engine, "connect", _sqlite_connected)
    sa.event.listen(engine, "begin", _sqlite_begins if sqlite else _postgres_begins)
    return engine


def _sqlite_connected(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: we do, below
    connection.execute("PRAGMA synchronous=FULL")  # a commit survives a power cut
    connection.execute("PRAGMA foreign_keys=ON")


def _sqlite_begins(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres_begins(connection: sa.Connection) -> None:
    if not connection.get_execution_options().get(_WRITES):
        return
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_SECONDS}s'")
    connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{HUNG_SECONDS}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


@contextlib.contextmanager
def _alone(url: sa.URL) -> Iterator[None]:
    """For a file: alone while it is made and switched to WAL, which SQLite does not wait for."""
    if url.get_backend_name() != "sqlite":
        yield
        return
    path = Path(str(url.database))
    busy = LedgerBusy(
        f"Another process has been opening the ledger {path} for {BUSY_TIMEOUT_SECONDS} s. See "
        "which one hangs, end it, and run this again."
    )
    with locks.alone(path.with_name(f"{path.name}.lock"), BUSY_TIMEOUT_SECONDS, busy):
        _use_wal(url)
        yield


def _keep_private(url: sa.URL) -> None:
    """For a file: nobody else may read it, nor what SQLite keeps beside it."""
    if url.get_backend_name() == "sqlite":
        for end in ("", "-wal", "-shm"):
            close(Path(f"{url.database}{end}"))


def _use_wal(url: sa.URL) -> None:
    """Readers beside a writer; the file remembers it."""
    engine = sa.create_engine(
        url, isolation_level="AUTOCOMMIT", connect_args={"timeout": BUSY_TIMEOUT_SECONDS}
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    finally:
        engine.dispose()
