"""A disk that is full, damaged or read-only, and a limit of the system: each has its sentence.

They are real: a limit of this process on its files, real databases, `/dev/full`.
"""

import contextlib
import errno
import gc
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from dlt.destinations.exceptions import DestinationConnectionError

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse.destination_errors import translate_error
from genai_orchestration_tests.support.command import genai

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
from genai_orchestration.cli import main
main(prog_name="genai")
"""
WORDS = "Could not write file: No space left on device"


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database or disk is full"),
        sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full")),
        duckdb.IOException(WORDS),
        OSError(errno.ENOSPC, "No space left on device", "/anywhere"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        DestinationConnectionError("duckdb", "d", WORDS, duckdb.IOException(WORDS)),
    ],
)
def test_a_full_disk_is_never_taken_for_a_broken_warehouse(
    error: Exception, settings: Settings
) -> None:
    if isinstance(error, sa.exc.OperationalError):
        error.__cause__ = error.orig  # as SQLAlchemy raises it
    assert said_of(error, settings) == (
        f"The disk is full: free some space where {settings.home} is, or set GENAI_HOME to a "
        "folder on another disk, and run this again."
    )


@pytest.mark.parametrize("words", ["disk I/O error", "unable to open database file"])
def test_vague_words_of_sqlite_are_about_a_full_disk_when_little_is_free(
    words: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = sqlite3.OperationalError(words)
    assert said_of(error, settings).startswith("A file is damaged at "), "the disk has space"
    left = 212 * 1024  # seen free on a disk of 40 MB when SQLite had said "disk I/O error"
    usage = shutil.disk_usage(tmp_path)._replace(free=left)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    assert said_of(error, settings).startswith("The disk is full: ")


def test_a_device_that_is_full_is_told_as_such(settings: Settings) -> None:
    with pytest.raises(OSError, match="No space") as full, open("/dev/full", "w") as file:
        file.write("x")
    assert said_of(full.value, settings).startswith("The disk is full: ")


@contextlib.contextmanager
def limit(kind: int, value: int) -> Iterator[None]:
    """A limit of this process, for the length of a with block."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def test_too_many_open_files_are_told_as_such(sandbox: Sandbox, settings: Settings) -> None:
    assert genai("load", "magic_hour", "--table", "credits").code == 0
    said = set()
    gc.collect()  # closes what other tests have left open
    os.close(lowest := os.open(os.devnull, os.O_RDONLY))
    for more in range(20):
        with limit(resource.RLIMIT_NOFILE, lowest + more):
            tried = genai("load", "magic_hour", "--table", "credits")
        if tried.code == 0:
            break
        said.add(tried.sentence)
    assert said
    for sentence in said:
        assert "too many files are open" in sentence, said
        assert "(ulimit -n)" in sentence
        assert f"move {settings.warehouse} away" not in sentence


@pytest.mark.parametrize(
    ("size", "command"),
    [
        (20_000, "load imagine_api --table images"),
        (200_000, "load imagine_api --table images"),
        (800_000, "demo --once"),
    ],
)
def test_a_file_that_may_not_become_larger_is_told_as_such(
    size: int, command: str, sandbox: Sandbox
) -> None:
    limited = [sys.executable, "-c", LIMITED, str(size), *command.split()]
    said = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=120)
    assert said.returncode == 1, said
    [sentence] = said.stderr.splitlines()  # and no traceback of any of dlt's attempts
    assert "a file has become larger than this process may write" in sentence
    assert "(ulimit -f)" in sentence


def test_a_damaged_warehouse_is_told_as_such(sandbox: Sandbox, settings: Settings) -> None:
    assert genai("load", "magic_hour", "--table", "credits").code == 0
    damage(settings.warehouse, first=12_288)
    said = genai("load", "magic_hour", "--table", "credits").sentence
    assert said.startswith(f"A file is damaged at {settings.warehouse} (Corrupt database file")
    assert said.endswith("restore the file from a backup, or move it away and load again, which is"
                         " free.")  # fmt: skip


def test_a_damaged_ledger_is_told_as_such(sandbox: Sandbox, settings: Settings) -> None:
    assert genai("requests", "list").code == 0
    damage(settings.ledger, first=0)
    said = genai("requests", "list").sentence
    assert said.startswith("The ledger ")
    assert "file is not a database (a file is damaged)" in said
    assert "Check the disk, and restore the file from a backup" in said


def test_a_damaged_file_of_dagster_is_told_as_such(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    engine = sa.create_engine(f"sqlite:///{file}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE runs (id)")
    damage(file, first=100)
    with pytest.raises(sa.exc.DatabaseError) as damaged, engine.begin() as connection:
        connection.exec_driver_sql("SELECT * FROM runs")
    said = said_of(damaged.value, settings)
    assert said.startswith(f"A file is damaged at {settings.home} (")
    assert "warehouse" not in said


def test_a_database_that_may_only_be_read_is_told_as_such(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "runs.db"
    sqlite3.connect(file).execute("CREATE TABLE runs (id)").connection.close()
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    with contextlib.closing(connection), pytest.raises(sqlite3.OperationalError) as refused:
        connection.execute("INSERT INTO runs VALUES (1)")
    assert said_of(refused.value, settings) == (
        f"State cannot be kept in {settings.home} (attempt to write a readonly database): set "
        "GENAI_HOME to a folder that you may write to."
    )
    refused_by_disk = duckdb.IOException(f'Cannot open file "{settings.warehouse}": '
                                         "Read-only file system")  # fmt: skip
    assert said_of(refused_by_disk, settings).startswith(f"State cannot be kept in {settings.home}")


def damage(file: Path, *, first: int) -> None:
    """Other bytes from there on."""
    content = bytearray(file.read_bytes())
    content[first:] = os.urandom(len(content) - first)
    file.write_bytes(content)


def said_of(error: Exception, settings: Settings) -> str:
    """The sentence about the error, wrapped as a library would."""
    try:
        raise RuntimeError("a step has failed") from error
    except RuntimeError as wrapped:
        return str(translate_error(wrapped, settings))
