"""What can be wrong with a load: one sentence with the setting and the next step, nothing written.

The key and the password are recognisable, and looked for in everything that a command says.
"""

import contextlib
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import psycopg2  # type: ignore[import-untyped]
import pytest

from genai_orchestration.providers import http
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse import locks
from genai_orchestration.warehouse.destination_errors import WarehouseUnreachable, translate_error
from genai_orchestration_tests.support import postgres
from genai_orchestration_tests.support.command import (
    HOLDER,
    PROVIDERS,
    SECRET,
    Said,
    each_provider,
    genai,
    process,
    tables,
    variable,
)
from genai_orchestration_tests.support.doubles import replace

HTML = Fault(kind="status", status=200, body="<html>hello", content_type="text/html", times=99)


@pytest.fixture(autouse=True)
def without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    replace(monkeypatch, http, "wait_seconds", lambda state: 0.0)


@pytest.fixture(autouse=True)
def nothing_written(settings: Settings) -> Iterator[None]:
    """No test of this file leaves a table or a working folder; what it loads, it removes."""
    yield
    runs = settings.dlt_home / "runs"
    assert not runs.is_dir() or list(runs.iterdir()) == []
    assert tables(settings) == {}


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Postgres]:
    with postgres.running() as running:
        yield running


@pytest.fixture
def closed_port() -> int:
    """A port of this host at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def test_an_unknown_provider_lists_the_known_ones() -> None:
    assert genai("load", "midjourney").sentence == (
        "There is no provider 'midjourney'. Choose one of: abyssale, imagine_api, magic_hour."
    )


@each_provider
def test_a_missing_key_names_the_setting(provider: str, settings: Settings) -> None:
    said = genai("load", provider).sentence
    assert said == (
        f"{PROVIDERS[provider]} has no API key: set api_key under [sources.{provider}_source] in "
        f".dlt/secrets.toml, or {variable(provider, 'api_key')}."
    )
    assert not settings.home.exists()


@each_provider
@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_names_the_setting_and_is_not_shown(
    provider: str, status: int, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(provider, "api_key"), SECRET)
    repeats_it = f'{{"message": "{SECRET} is no key"}}'
    sandbox.traffic.faults.append(Fault(kind="status", status=status, body=repeats_it, times=99))
    said = genai("load", provider).sentence
    assert said.startswith(f"{PROVIDERS[provider]} answered {status} (")
    assert f"[sources.{provider}_source]" in said
    assert "api_key" in said
    assert SECRET not in said


@each_provider
@pytest.mark.parametrize("key", [f"{SECRET}\nX-Other: 1", f"{SECRET}é", f"{SECRET}🔑"])
def test_a_key_that_no_header_takes_is_not_shown(
    provider: str, key: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(provider, "api_key"), key)
    said = genai("load", provider).sentence
    assert f"set api_key in [sources.{provider}_source]" in said
    assert SECRET not in said


@each_provider
def test_a_wrong_address_names_the_setting(
    provider: str, sandbox: Sandbox, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_from(base_url: str) -> str:
        monkeypatch.setenv(variable(provider, "base_url"), base_url)
        said = genai("load", provider).sentence
        assert said.startswith(PROVIDERS[provider])
        assert "base_url" in said
        assert f"[sources.{provider}_source]" in said
        return said

    assert "does not answer at" in load_from(f"http://127.0.0.1:{closed_port}")
    assert "answered 404" in load_from(f"{sandbox.url}/nowhere")
    assert "is not an http(s) address" in load_from("ftp://api.example.com")
    assert SECRET not in load_from(f"http://me:{SECRET}@127.0.0.1:{closed_port}")
    sandbox.traffic.faults.append(HTML)
    assert "answered text/html instead of JSON" in load_from(f"{sandbox.url}/page")


@each_provider
@pytest.mark.parametrize(
    "base_url",
    [
        "http://",
        "http://[::1",
        "http://host:port",
        f"ftp://me:{SECRET}@host",
        f"http://:{SECRET}@host",
    ],
)
def test_an_address_that_is_none_is_told_in_words(
    provider: str, base_url: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(provider, "base_url"), base_url)
    said = genai("load", provider).sentence
    assert said.startswith(PROVIDERS[provider])
    assert "base_url" in said
    assert SECRET not in said


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
@each_provider
def test_no_log_level_shows_a_key(provider: str, level: str, sandbox: Sandbox) -> None:
    said = process(
        "load", provider, **{variable(provider, "api_key"): SECRET, "RUNTIME__LOG_LEVEL": level}
    )
    assert said.code == 1
    assert said.err.splitlines()[-1].startswith(f"Error: {PROVIDERS[provider]} answered 401")
    assert "Traceback" not in said.err
    assert SECRET not in said.out + said.err


def test_no_log_level_shows_the_key_of_a_load_that_succeeds(sandbox: Sandbox) -> None:
    # the sandbox's key is a word of its own messages: only the header tells that it was logged
    said = process("load", "magic_hour", "--table", "credits", RUNTIME__LOG_LEVEL="DEBUG")
    assert said.code == 0
    assert "DEBUG" in said.err
    assert "Bearer" not in said.err
    Path("home/warehouse.duckdb").unlink()


@pytest.mark.parametrize(
    ("file", "text", "position"),
    [
        ("secrets.toml", f"[sources.magic_hour_source]\napi_key = {SECRET}\n", "at line 2 col 10"),
        ("secrets.toml", f'[sources.magic_hour_source\napi_key = "{SECRET}"\n', "at line 1 col 26"),
        ("secrets.toml", f'[sources.magic_hour_source]\napi_key = "{SECRET}', "at line 2 col 0"),
        ("config.toml", "[runtime]\nlog_level = = 1\n", "at line 2 col 12"),
    ],
)
@pytest.mark.parametrize("command", [("load", "magic_hour"), ("doctor",)])
def test_a_settings_file_that_is_no_toml_names_the_line(
    command: tuple[str, ...], file: str, text: str, position: str
) -> None:
    Path(".dlt").mkdir()
    Path(".dlt", file).write_text(text)
    said = process(*command).sentence
    assert said.startswith(f".dlt/{file} is not valid TOML ({position}): correct it;")
    assert SECRET not in said


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
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(settings.warehouse)], stdin=-1, stdout=-1, text=True
    ) as stranger:
        assert stranger.stdout
        assert stranger.stdout.readline() == "open\n"
        said = genai("load", "magic_hour").sentence
        stranger.communicate("close\n")
    assert f"(PID {stranger.pid})" in said
    assert said.endswith(
        "Close it, or wait for it to end, and run this again: loading twice changes nothing."
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--from", "2024-02-02", "--to", "2024-02-01"), "--to 2024-02-01 is not after the first"),
        (("--from", "2024-02-02", "--to", "2024-02-02"), "--to 2024-02-02 is not after the first"),
        (("--to", "2020-01-01"), "--to 2020-01-01 is not after the first day 2023-01-01"),
        (("--from", "2099-01-01"), "The first day 2099-01-01 is in the future: give --from"),
        (("--from", "soon"), "Invalid value for '--from': 'soon' is not a day: write it like 2024"),
        (("--from", "2024-02-30"), "Invalid value for '--from': '2024-02-30' is not a day"),
        (("--to", "20240230"), "Invalid value for '--to': '20240230' is not a day"),
        (("--to", "2024-01-01T12:00"), "Invalid value for '--to': '2024-01-01T12:00' is not a day"),
        (("--id", "1", "--from", "2024-01-01"), "Give either --id, or --from and --to."),
        (
            ("--table", "pictures"),
            "ImagineAPI has no table 'pictures'. Choose of: images, status, images_create.",
        ),
        (("--table", "status", "--id", "1"), "The table status has no history by day: leave out"),
    ],
)
def test_a_wrong_window_names_the_option(
    arguments: tuple[str, ...], sentence: str, sandbox: Sandbox, settings: Settings
) -> None:
    assert genai("load", "imagine_api", *arguments).usage.startswith(sentence)
    assert not settings.home.exists()


def test_a_provider_without_days_takes_no_window(sandbox: Sandbox) -> None:
    assert genai("load", "abyssale", "--from", "2024-01-01").usage == (
        "Abyssale's tables have no history by day: leave out --from, --to and --id."
    )


def test_tomorrow_is_no_first_day_but_today_is(sandbox: Sandbox, settings: Settings) -> None:
    today = datetime.now(timezone.utc).date()
    tomorrow = str(today + timedelta(days=1))
    assert "is in the future" in genai("load", "imagine_api", "--from", tomorrow).usage
    assert genai("load", "imagine_api", "--from", str(today)).code == 0
    settings.warehouse.unlink()


def test_an_id_that_is_none_is_told_before_anything_is_asked(sandbox: Sandbox) -> None:
    assert genai("load", "imagine_api", "--id", "cat.png").sentence == (
        "'cat.png' is not an ImagineAPI image id: they are UUIDs."
    )
    assert not sandbox.traffic.calls


def test_a_start_date_that_is_none_names_the_setting(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable("imagine_api", "start_date"), "soon")
    said = genai("load", "imagine_api").sentence
    assert "start_date" in said
    assert "[sources.imagine_api_source]" in said
    assert genai("load", "magic_hour", "--table", "models").code == 0
    Settings.load().warehouse.unlink()


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
