"""A home or a warehouse that cannot be used is told in words, and left as it is."""

import contextlib
import struct
from collections.abc import Iterator
from typing import Any

import duckdb
import psycopg2  # type: ignore[import-untyped]
import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse import locks
from genai_orchestration.warehouse.destination_errors import WarehouseUnreachable, translate_error
from genai_orchestration_tests.support import postgres
from genai_orchestration_tests.support.command import (
    SECRET,
    Said,
    genai,
    kept_open,
    process,
)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Postgres]:
    with postgres.running() as running:
        yield running


@pytest.mark.parametrize("command", [("load", "magic_hour"), ("demo", "--once"), ("dev",)])
def test_a_home_that_is_a_file_is_told_in_words(
    command: tuple[str, ...], sandbox: Sandbox, settings: Settings
) -> None:
    settings.home.write_text("a file")
    said = process(*command).sentence
    assert said.startswith(f"State cannot be kept in {settings.home}")
    assert said.endswith("): set GENAI_HOME to a folder that you may write to.")


def test_a_home_that_cannot_be_made_is_told_in_words(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_HOME", "/dev/null/home")
    assert genai("load", "magic_hour").sentence == (
        "State cannot be kept in /dev/null/home (Not a directory): set GENAI_HOME to a folder "
        "that you may write to."
    )


@pytest.mark.parametrize(
    ("destination", "sentence"),
    [
        ("duckbd", "dlt has no destination 'duckbd': set GENAI_DESTINATION to duckdb, postgres, "),
        ("snowflake", "The destination snowflake is not installed: run pip install 'dlt[snowfla"),
        (
            "postgres",
            "The warehouse postgres is not configured: set database, password, username, host in "
            "[destination.postgres.credentials] of .dlt/secrets.toml.",
        ),
        (
            "filesystem",
            "The warehouse filesystem is not configured: set bucket_url in "
            "[destination.filesystem] of .dlt/secrets.toml.",
        ),
    ],
)
def test_a_destination_that_cannot_be_used_names_the_setting(
    destination: str, sentence: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_DESTINATION", destination)
    assert genai("load", "magic_hour").sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (f"postgresql://genai:{SECRET}@127.0.0.1:{{port}}/db", "Connection refused"),
        (f"postgresql://genai:{SECRET}@host.invalid:5432/db", 'host name "host.invalid"'),
        # an @ in a password has to be escaped: without, its end is taken for the host
        (f"postgresql://genai:a@{SECRET}@127.0.0.1:5432/db", "does not answer"),
        (f"postgresql://genai:{SECRET}@127.0.0.1:port/db", "cannot be read"),
        (SECRET, "cannot be read"),
    ],
)
def test_a_postgres_that_does_not_answer_names_the_setting_and_not_the_password(
    address: str, words: str, sandbox: Sandbox, closed_port: int
) -> None:
    said = process(
        "load",
        "magic_hour",
        GENAI_DESTINATION="postgres",
        DESTINATION__POSTGRES__CREDENTIALS=address.format(port=closed_port),
        RUNTIME__LOG_LEVEL="INFO",
    )
    assert (said.code, said.out) == (1, "")
    assert "Traceback" not in said.err
    sentence = said.err.splitlines()[-1]
    assert words in sentence
    assert "[destination.postgres.credentials]" in sentence
    assert SECRET not in said.err


def test_a_postgres_that_refuses_the_password_or_the_rights_says_so(
    server: postgres.Postgres, sandbox: Sandbox
) -> None:
    address = server.database()
    with postgres_session(address) as cursor:
        cursor.execute("CREATE ROLE locked LOGIN PASSWORD 'another'")
        rules = server.socket / "pg_hba.conf"
        rules.write_text(f"local all locked scram-sha-256\n{rules.read_text()}")
        cursor.execute("SELECT pg_reload_conf()")
        cursor.execute("CREATE ROLE reader LOGIN")

    def load_as(role: str) -> Said:
        credentials = address.replace("postgres:none@", f"{role}:{SECRET}@")
        said = process(
            "load",
            "magic_hour",
            GENAI_DESTINATION="postgres",
            DESTINATION__POSTGRES__CREDENTIALS=credentials,
        )
        assert SECRET not in said.err
        return said

    assert "password authentication failed" in load_as("locked").sentence
    assert "permission denied for database" in load_as("reader").sentence
    with postgres_session(address) as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'magic_hour%'")
        assert cursor.fetchall() == []


def test_a_duckdb_file_that_is_none_is_named_and_left_as_it_is(
    sandbox: Sandbox, settings: Settings
) -> None:
    settings.home.mkdir()
    settings.warehouse.write_bytes(b"my diary\n" * 1000)
    said = genai("load", "magic_hour").sentence
    assert "not a valid DuckDB database file" in said
    assert f"move {settings.warehouse} away" in said
    assert settings.warehouse.read_bytes() == b"my diary\n" * 1000
    settings.warehouse.unlink()


def test_a_duckdb_file_of_another_version_is_named_and_left_as_it_is(
    sandbox: Sandbox, settings: Settings
) -> None:
    settings.home.mkdir()
    duckdb.connect(str(settings.warehouse)).close()
    content = bytearray(settings.warehouse.read_bytes())
    content[12:20] = (9999).to_bytes(8, "little")  # the storage version, after "DUCK"
    content[:8] = checksum(bytes(content[8:4096]))
    settings.warehouse.write_bytes(content)
    said = genai("load", "magic_hour").sentence
    assert said.startswith("The warehouse duckdb does not answer (")
    assert f"move {settings.warehouse} away" in said
    assert settings.warehouse.read_bytes() == content
    settings.warehouse.unlink()


def checksum(block: bytes) -> bytes:
    """DuckDB's own, which stands before each block (`checksum.cpp`)."""
    found = 5381
    for (word,) in struct.iter_unpack("<Q", block):
        found ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return found.to_bytes(8, "little")


def test_a_warehouse_that_a_stranger_keeps_open_names_the_stranger(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOCK_TIMEOUT_SECONDS", 0.5)
    settings.home.mkdir()
    with kept_open(settings.warehouse) as stranger:
        said = genai("load", "magic_hour").sentence
    assert f"(PID {stranger})" in said
    assert said.endswith(
        "Close it, or wait for it to end, and run this again: loading twice changes nothing."
    )


def test_an_error_that_nobody_foresaw_stays_one(settings: Settings) -> None:
    assert translate_error(ZeroDivisionError(), settings) is None
    assert (
        translate_error(FileNotFoundError(2, "No such file", "/somewhere/else"), settings) is None
    )


def test_a_warehouse_that_may_answer_later_is_told_apart(settings: Settings) -> None:
    error = RuntimeError("wrapped")
    error.__cause__ = psycopg2.OperationalError("the server is starting up\nDETAIL: more")
    known = translate_error(error, settings)
    assert isinstance(known, WarehouseUnreachable)
    assert "(the server is starting up)" in str(known)


@contextlib.contextmanager
def postgres_session(address: str) -> Iterator[Any]:
    """A cursor of the database at `address`, whose statements count at once."""
    with contextlib.closing(psycopg2.connect(address)) as connection:
        connection.autocommit = True
        yield connection.cursor()
