"""`genai doctor`: every finding that it can make about a provider's settings, and its exit code."""

import json

import pytest

from genai_orchestration.providers import http
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.refusals import NotFound
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.cli.findings import bad, findings
from genai_orchestration_tests.support.command import (
    PROVIDERS,
    SECRET,
    each_provider,
    variable,
)
from genai_orchestration_tests.support.doubles import replace

pytestmark = pytest.mark.usefixtures("retried_at_once")


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
