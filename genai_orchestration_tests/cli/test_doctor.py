"""`genai doctor`: all is well, or what is wrong with home, warehouse, ledger or archive."""

from pathlib import Path

import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse import locks
from genai_orchestration_tests.cli.findings import bad, findings
from genai_orchestration_tests.support import paid, postgres
from genai_orchestration_tests.support.command import (
    PROVIDERS,
    SECRET,
    genai,
    kept_open,
    process,
    variable,
)

pytestmark = pytest.mark.usefixtures("retried_at_once")


def test_all_is_well_and_nothing_is_made_by_asking(sandbox: Sandbox, settings: Settings) -> None:
    lines = findings(0)
    assert [mark for mark, _ in lines] == ["ok"] * 7
    words = [words for _, words in lines]
    for title, line in zip(PROVIDERS.values(), words, strict=False):
        assert line.startswith(f"{title} answers at {sandbox.url}")
    assert words[3:] == [
        f"State is kept in {settings.home}.",
        f"The warehouse will be {settings.warehouse}: nothing is loaded yet.",
        f"The ledger will be {settings.ledger}: nothing was asked for yet.",
        f"Finished files are archived below {settings.archive}.",
    ]
    assert not settings.home.exists()
    assert {call.method for call in sandbox.traffic.calls} == {"GET"}


def test_a_loaded_warehouse_answers(sandbox: Sandbox, settings: Settings) -> None:
    assert genai("load", "magic_hour").code == 0
    marks, words = zip(*findings(0)[-3:], strict=True)
    assert marks == ("ok",) * 3
    assert words[0] == f"The warehouse {settings.warehouse} answers."
    assert words[1] == f"The ledger sqlite:///{settings.ledger} answers."


@pytest.mark.parametrize("home", ["/dev/null", "/dev/null/home"])
def test_a_home_that_cannot_be_used_is_found(
    home: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_HOME", home)
    assert bad() == (
        f"State cannot be kept in {home} (Not a directory): set GENAI_HOME to a folder that you "
        "may write to."
    )


@pytest.mark.parametrize(
    ("destination", "credentials", "words"),
    [
        ("duckbd", "", "dlt has no destination 'duckbd': set GENAI_DESTINATION to duckdb"),
        ("snowflake", "", "run pip install 'dlt[snowflake]', or set GENAI_DESTINATION=duckdb"),
        ("postgres", "", "is not configured: set database, password, username, host in [destina"),
        ("postgres", SECRET, "[destination.postgres.credentials] cannot be read"),
        ("postgres", f"postgresql://me:{SECRET}@127.0.0.1:1/db", "does not answer (connection to"),
        ("filesystem", "", "set bucket_url in [destination.filesystem]"),
    ],
)
def test_a_warehouse_that_cannot_be_used_is_found(
    destination: str,
    credentials: str,
    words: str,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENAI_DESTINATION", destination)
    if credentials:
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", credentials)
    assert words in bad()


def test_a_postgres_and_a_folder_answer(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with postgres.running() as server:
        postgres.use(monkeypatch, server.database())
        assert ("ok", "The warehouse postgres answers.") in findings(0)
    monkeypatch.setenv("GENAI_DESTINATION", "filesystem")
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", (tmp_path / "bucket").as_uri())
    assert ("ok", "The warehouse filesystem answers.") in findings(0)


def test_a_file_that_is_no_database_is_found(sandbox: Sandbox, settings: Settings) -> None:
    settings.home.mkdir()
    settings.warehouse.write_text("my diary\n" * 1000)
    assert f"move {settings.warehouse} away" in bad()
    assert settings.warehouse.read_text() == "my diary\n" * 1000


@pytest.mark.parametrize(
    ("variable_name", "value", "words"),
    [
        ("GENAI_LEDGER", "sqlite:////proc/none/ledger.db", "The ledger"),
        ("GENAI_LEDGER", f"postgresql://me:{SECRET}@127.0.0.1:1/db", "cannot be opened"),
        ("GENAI_LEDGER", "my ledger", "GENAI_LEDGER"),
        ("GENAI_ARCHIVE", "/proc/none/archive", "The archive /proc/none/archive cannot be written"),
        ("GENAI_ARCHIVE", "nowhere://bucket", "protocol nowhere:// is not installed"),
        ("GENAI_ARCHIVE", f"s3://key:{SECRET}@bucket/prefix", "cannot be written"),
    ],
)
def test_a_ledger_or_an_archive_that_cannot_be_used_is_found(
    variable_name: str,
    value: str,
    words: str,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable_name, value)
    for name, nothing in (("ENDPOINT_URL", "http://127.0.0.1:1"), ("MAX_ATTEMPTS", "1")):
        monkeypatch.setenv(f"AWS_{name}", nothing)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert words in bad()


def test_a_warehouse_that_a_stranger_keeps_open_is_found(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "LOCK_TIMEOUT_SECONDS", 0.5)
    settings.home.mkdir()
    with kept_open(settings.warehouse) as stranger:
        found = bad()
    assert f"(PID {stranger})" in found


def test_it_is_the_same_as_a_process_and_shows_no_key_at_any_log_level(sandbox: Sandbox) -> None:
    wrong = {variable(provider, "api_key"): SECRET for provider in PROVIDERS}
    said = process("doctor", RUNTIME__LOG_LEVEL="DEBUG", **wrong)
    assert said.code == 1
    assert said.out.count("BAD  ") == len(PROVIDERS)
    assert "Traceback" not in said.err
    assert SECRET not in said.out + said.err


def test_a_ledger_that_was_removed_is_told_from_what_the_warehouse_knows(
    sandbox: Sandbox, settings: Settings
) -> None:
    paid.submitted("fox", "owl")
    assert genai("load", "magic_hour", "--table", "ai_image_generator").code == 0
    assert [words for mark, words in findings(0) if mark == "--"] == []
    for file in settings.home.glob("ledger.db*"):
        file.unlink()
    for _ in range(2):  # it is not there, and then a new one is
        (words,) = [words for mark, words in findings(0) if mark == "--"]
        assert f"The ledger {settings.ledger}" in words or "ledger.db is new" in words
        assert "the warehouse has 2 requests that were sent before" in words
        paid.plan("hare")
