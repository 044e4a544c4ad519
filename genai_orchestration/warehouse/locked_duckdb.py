"""dlt's DuckDB destination, in which processes wait for each other instead of failing.

DuckDB refuses every other process, readers too, while one has the file open, and dlt does not
retry. Here a connection is lent only while this process holds the lock beside the file.

    LockedDuckDb ─spec─► LockedConfiguration ─type hint─► LockedCredentials ─► LockedPool
"""

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import tenacity
from dlt.common.configuration import configspec
from dlt.common.destination.client import LoadJob
from dlt.common.destination.typing import PreparedTableSchema
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbClientConfiguration,
    DuckDbConnectionPool,
    DuckDbCredentials,
)
from dlt.destinations.impl.duckdb.duck import DuckDbClient, DuckDbCopyJob
from dlt.destinations.impl.duckdb.sql_client import DuckDBDBApiCursorImpl, DuckDbSqlClient

from genai_orchestration import compat
from genai_orchestration.doors.private import close
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse import locks
from genai_orchestration.warehouse.locks import (
    ProcessLock,
    WarehouseLocked,
    lock_file,
    process_lock,
)

# A package is about one row group of DuckDB's, which one thread writes, whatever their number: more
# threads, and row groups that wait for each other, take memory and save no time.
SPARING = {"threads": 1, "write_buffer_row_group_count": 1}

# another process has the file open, or another thread of this one is just closing it
_BUSY = r"(?s).*(Could not set lock on file|Unique file handle conflict).*"
_HOLDER = re.compile(r"Conflicting lock is held in (.+?\(PID \d+\))")


class LockedPool(DuckDbConnectionPool):
    """dlt's pool of DuckDB connections, which holds the file's lock while it has it open."""

    _held: ProcessLock | None = None

    def borrow_conn(self, *args: Any, **kwargs: Any) -> duckdb.DuckDBPyConnection:
        """A connection, as soon as no other process has the file open."""
        with self._conn_lock:
            file = Path(self.credentials._conn_str())
            if self._held is None:
                lock = process_lock(lock_file(file))
                lock.acquire(locks.patience())
                self._held = lock
            try:
                connection = _until_free(super().borrow_conn, *args, **kwargs)
                close(file)  # to others
                return connection
            finally:
                if self._conn is None:  # it did not open
                    self._free()

    def _close_conn(self) -> None:
        super()._close_conn()
        self._free()

    def _free(self) -> None:
        lock, self._held = self._held, None
        if lock:
            lock.release()


@configspec(init=False)
class LockedCredentials(DuckDbCredentials):
    """DuckDB credentials whose connections come from a `LockedPool`."""

    def on_resolved(self) -> None:
        """Put the locked pool in the place of dlt's."""
        super().on_resolved()
        self.global_config = {**SPARING, **(self.global_config or {})}
        self.conn_pool = LockedPool(self)


@configspec(init=False)
class LockedConfiguration(DuckDbClientConfiguration):
    """Makes dlt resolve `LockedCredentials`: it goes by this type hint."""

    credentials: LockedCredentials = None  # type: ignore[assignment]  # dlt's own idiom


class WholeResults(DuckDBDBApiCursorImpl):
    """dlt's cursor; dlt 1.31 asks for a whole result by a name that DuckDB 2 no longer has."""

    def iter_arrow(self, chunk_size: int) -> Generator[Any, None, None]:
        """The result as Arrow tables: one, without a chunk size."""
        if chunk_size or hasattr(self.native_cursor, "fetch_arrow_table"):
            yield from super().iter_arrow(chunk_size)
        else:
            yield self.native_cursor.to_arrow_table()


class OneFile(DuckDbCopyJob):
    """dlt's copy of a Parquet file into a table, of this file and of nothing but its content.

    DuckDB takes `*`, `?` and `[` in a path for a pattern, which other runs' files may match, and
    `status=x` for a Hive partition, whose value it writes into the column `status` of every row.
    """

    def run(self) -> None:
        """Insert the file's rows."""
        client = self._job_client.sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        path = re.sub(r"[*?[]", r"[\g<0>]", self._file_path).replace("'", "''")
        client.execute_sql(
            f"INSERT INTO {table} BY NAME SELECT * FROM "  # noqa: S608 own names
            f"read_parquet('{path}', union_by_name=true, hive_partitioning=false)"
        )


class LockedClient(DuckDbClient):
    """dlt's client, with our cursor and our copy."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sql_client.cursor_impl = WholeResults  # type: ignore[misc]  # for this client alone

    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        """What loads a file: of Parquet, that one alone."""
        job = super().create_load_job(table, file_path, load_id, restore)
        parquet = type(job) is DuckDbCopyJob and file_path.endswith(".parquet")
        return OneFile(file_path) if parquet else job


class LockedDuckDb(dlt.destinations.duckdb):
    """dlt's DuckDB destination, in which processes wait for each other.

    Without a file it is the project's own: dlt makes it so, of a pipeline's state, for
    `dlt pipeline` and `dlt.attach`.
    """

    spec = LockedConfiguration

    @property
    def client_class(self) -> type[DuckDbClient]:
        """What dlt makes clients of."""
        return LockedClient

    def __init__(self, credentials: Any = None, **arguments: Any) -> None:
        """The destination of that DuckDB file."""
        compat.require(DuckDbConnectionPool, "borrow_conn", "_close_conn")  # where the lock is
        compat.require(DuckDbSqlClient, "cursor_impl")
        super().__init__(credentials or str(Settings.load().warehouse), **arguments)


def _until_free(connect: Any, *args: Any, **kwargs: Any) -> duckdb.DuckDBPyConnection:
    """Open the file, waiting for programs that do not know of our lock, such as a DuckDB shell."""
    opened = tenacity.Retrying(
        retry=tenacity.retry_if_exception_message(match=_BUSY),
        wait=tenacity.wait_random(0.1, 0.4),
        stop=tenacity.stop_after_delay(locks.patience()),
        retry_error_callback=_held_by_a_stranger,
    )
    connection: duckdb.DuckDBPyConnection = opened(connect, *args, **kwargs)
    return connection


def _held_by_a_stranger(state: tenacity.RetryCallState) -> None:
    text = str(state.outcome.exception()) if state.outcome else ""
    holder = _HOLDER.search(text)
    raise WarehouseLocked(holder.group(1) if holder else "another program", "the DuckDB file")
