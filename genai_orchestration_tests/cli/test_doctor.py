"""`genai doctor`: every finding that it can make, a line each, and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from genai_orchestration.providers import http
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.refusals import NotFound
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse import locks
from genai_orchestration_tests.support import paid, postgres
from genai_orchestration_tests.support.command import (
    HOLDER,
    PROVIDERS,
    SECRET,
    each_provider,
    genai,
    process,
    variable,
)
from genai_orchestration_tests.support.doubles import replace


@pytest.fixture(autouse=True)
def without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    replace(monkeypatch, http, "wait_seconds", lambda state: 0.0)


def findings(code: int) -> list[tuple[str, str]]:
    """What the doctor says, as pairs of mark and sentence; its exit code must be `code`."""
    said = genai("doctor")
    assert (said.code, said.err) == (code, ""), said
    assert SECRET not in said.out
    lines = [(line[:4].strip(), line[5:]) for line in said.out.splitlines()]
    for mark, words in lines:
        assert mark in ("ok", "--", "BAD")
        assert words.endswith(".")
    assert (code == 1) == any(mark == "BAD" for mark, _ in lines)
    return lines


def bad() -> str:
    """The one finding of a doctor who finds everything else well."""
    lines = findings(1)
    assert [mark for mark, _ in lines].count("BAD") == 1, lines
    assert [mark for mark, _ in lines].count("--") == 0, lines
    return next(words for mark, words in lines if mark == "BAD")


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


def test_without_any_key_it_says_where_to_put_one() -> None:
    lines = findings(1)
    for (mark, words), provider in zip(lines[:3], PROVIDERS, strict=True):
        assert mark == "--"
        assert f"set api_key under [sources.{provider}_source] in .dlt/secrets.toml" in words
        assert words.endswith("Until then its schedules and sensors skip.")
    assert lines[3][0] == "BAD"
    assert "copy .dlt/secrets.toml.example to .dlt/secrets.toml" in lines[3][1]
    assert [mark for mark, _ in lines[4:]] == ["ok"] * 4


def test_one_key_is_enough(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in ("abyssale", "magic_hour"):
        monkeypatch.delenv(variable(provider, "api_key"))
    assert [mark for mark, _ in findings(0)] == ["--", "ok", "--", *["ok"] * 4]


@each_provider
@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_found_and_the_other_providers_are_asked_all_the_same(
    provider: str, status: int, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(provider, "api_key"), SECRET)
    body = json.dumps({"message": f"{SECRET} is no key"})
    path = f"/{provider}"
    sandbox.traffic.faults.append(
        Fault(kind="status", status=status, path=path, body=body, times=99)
    )
    words = bad()
    assert words.startswith(f"{PROVIDERS[provider]} answered {status} (*** is no key)")
    assert "api_key" in words
    assert f"[sources.{provider}_source]" in words


@each_provider
def test_a_key_that_no_header_takes_is_found(
    provider: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(provider, "api_key"), f"{SECRET}\nno key")
    assert f"set api_key in [sources.{provider}_source]" in bad()


@each_provider
@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("http://127.0.0.1:1", "does not answer at http://127.0.0.1:1/"),
        ("{sandbox}/nowhere", "answered 404"),
        ("ftp://127.0.0.1", "base_url"),
        ("http://", "base_url"),
        ("http://[::1", "base_url"),
        (f"http://me:{SECRET}@127.0.0.1:1", "base_url"),
        (f"http://:{SECRET}@127.0.0.1:1", "base_url"),
        (f"ftp://me:{SECRET}@127.0.0.1:1", "base_url"),
        ("http://api.example.com", "is not encrypted"),
    ],
)
def test_a_wrong_address_is_found(
    provider: str,
    base_url: str,
    words: str,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable(provider, "base_url"), base_url.format(sandbox=sandbox.url))
    found = bad()
    assert found.startswith(PROVIDERS[provider])
    assert words in found
    assert "base_url" in found
    assert f"[sources.{provider}_source]" in found


@each_provider
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html>a page", "text/html"),
        ("{}", "application/json"),
        ("[]", "application/json"),
        ("[1]", "application/json"),
        ('{"data": 1, "meta": []}', "application/json"),
        ("null", "application/json"),
    ],
)
def test_an_answer_of_something_else_is_found(
    provider: str, body: str, content_type: str, sandbox: Sandbox
) -> None:
    if (provider, body) == ("abyssale", "[]"):
        body = '[{"id": 1}]'  # a workspace without designs is a good one
    path = f"/{provider}"
    sandbox.traffic.faults.append(
        Fault(kind="status", status=200, path=path, body=body, content_type=content_type, times=99)
    )
    found = bad()
    assert PROVIDERS[provider] in found
    assert "base_url" in found


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_magic_hours_address_may_end_in_v1_and_a_slash(
    ending: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = sandbox.base_url("magic_hour")
    monkeypatch.setenv(variable("magic_hour", "base_url"), f"{address}{ending}")
    findings(0)
    asked = [call.path for call in sandbox.traffic.calls if "magic_hour" in call.path]
    assert asked == ["/magic_hour/v1/account"]


@each_provider
def test_a_trailing_slash_does_not_matter(
    provider: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(provider, "base_url"), f"{sandbox.base_url(provider)}/")
    findings(0)
    assert not [call.path for call in sandbox.traffic.calls if "//" in call.path]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that are asked; none of them answers."""
    addresses: list[str] = []

    def refuse(client: http.ReadClient, *arguments: object) -> None:
        addresses.append(client.base_url)
        raise NotFound(f"{client.title} is not at base_url.")

    replace(monkeypatch, http.ReadClient, "_once", refuse)
    return addresses


@pytest.mark.parametrize("host", ["imagineapi", "10.0.0.7", "192.168.1.2", "[::1]", "localhost"])
def test_a_server_of_ones_own_network_needs_no_certificate(
    host: str, sandbox: Sandbox, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable("imagine_api", "base_url"), f"http://{host}:8055")
    findings(1)
    assert f"http://{host}:8055" in asked


@pytest.mark.parametrize("host", ["api.example.com", "1.1.1.1", "[2606:4700::1111]"])
def test_a_key_is_never_sent_over_an_open_line(
    host: str, sandbox: Sandbox, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for provider in PROVIDERS:
        monkeypatch.setenv(variable(provider, "base_url"), f"http://{host}")
    lines = findings(1)
    assert [mark for mark, _ in lines] == ["BAD"] * 3 + ["ok"] * 4
    assert all("is not encrypted" in words for _, words in lines[:3])
    assert asked == []


@pytest.mark.parametrize(
    ("public_url", "shown"),
    [
        ("http://localhost:8055", "localhost:8055"),
        ("https://images.example.com/", "images.example.com"),
        ("", "/assets/"),
    ],
)
def test_pictures_that_are_stored_at_another_host_are_found(
    public_url: str, shown: str, sandbox: Sandbox
) -> None:
    images = sandbox.providers["imagine_api"]
    images.public_url = public_url
    images.add([Spec(outcome="completed", seconds=-1)])
    words = [words for mark, words in findings(1) if mark == "BAD"]
    assert len(words) == 1
    assert words[0].startswith("ImagineAPI stores picture addresses at ")
    assert shown in words[0]
    assert "its PUBLIC_URL is wrong. Fix that on the server" in words[0]


def test_a_field_that_the_token_may_not_read_is_found_before_any_load(sandbox: Sandbox) -> None:
    images = sandbox.providers["imagine_api"]
    images.unreadable = {"date_created"}
    assert "the token may not read date_created: add it to the role" in bad()


@pytest.mark.parametrize(("start", "words"), [("soon", "start_date"), ("2099-01-01", "future")])
def test_a_wrong_start_date_is_found(
    start: str, words: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable("imagine_api", "start_date"), start)
    found = next(words for mark, words in findings(1) if mark == "BAD")
    assert words in found
    assert "start_date" in found
    assert "[sources.imagine_api_source]" in found


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
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(settings.warehouse)], stdin=-1, stdout=-1, text=True
    ) as stranger:
        assert stranger.stdout
        assert stranger.stdout.readline() == "open\n"
        found = bad()
        stranger.communicate("close\n")
    assert f"(PID {stranger.pid})" in found


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
