"""A provider, its key, its address or a file of settings that is wrong names the setting."""

from pathlib import Path

import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import (
    PROVIDERS,
    SECRET,
    each_provider,
    genai,
    process,
    variable,
)

HTML = Fault(kind="status", status=200, body="<html>hello", content_type="text/html", times=99)


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


def test_a_start_date_that_is_none_names_the_setting(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable("imagine_api", "start_date"), "soon")
    said = genai("load", "imagine_api").sentence
    assert "start_date" in said
    assert "[sources.imagine_api_source]" in said
    assert genai("load", "magic_hour", "--table", "models").code == 0
    Settings.load().warehouse.unlink()
