"""What every provider keeps to, whichever it is; a fourth one is tested as soon as it is there."""

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from genai_orchestration.errors import plain
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Disposition, Provider
from genai_orchestration.providers.refusals import MissingKey, WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.sources import account_of
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.loading import calls, count, load

pytestmark = pytest.mark.parametrize("provider", all_providers(), ids=lambda each: each.name)


def counts(settings: Settings, provider: Provider, *kinds: Disposition) -> dict[str, int | None]:
    """How many rows each table of these dispositions has; a resource without rows makes none."""
    return {
        table.name: count(settings, provider, table.name)
        for table in provider.tables
        if table.disposition in kinds
    }


def variable(provider: Provider, name: str) -> str:
    return f"SOURCES__{provider.section.upper()}__{name}"


def test_its_source_is_built_from_an_explicit_key_and_asks_nobody(
    provider: Provider, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable(provider, "API_KEY"))
    source = provider.source(api_key="explicit", base_url=sandbox.base_url(provider.name))
    assert source.name == source.section == provider.section
    assert list(source.resources) == [table.name for table in provider.tables]
    assert list(sandbox.traffic.calls) == []


def test_its_tables_say_what_they_are(provider: Provider) -> None:
    for table in provider.tables:
        assert len(table.description) > 40
        assert set(table.primary_key) <= set(table.columns)
        assert bool(table.primary_key) or table.disposition != "merge"
        assert {"status", "state"} <= set(table.columns) or not table.states


def test_its_schedules_and_watches_name_tables_that_it_has(provider: Provider) -> None:
    names = {table.name for table in provider.tables}
    named = [name for schedule in provider.schedules for name in schedule.tables]
    named += provider.change_watch.tables if provider.change_watch else ()
    named += [provider.day_watch.table] if provider.day_watch else []
    assert set(named) <= names


def test_loading_again_adds_nothing_but_a_look(
    provider: Provider, sandbox: Sandbox, settings: Settings
) -> None:
    load(settings, provider, provider.source())
    first, looks = (
        counts(settings, provider, "merge", "replace"),
        counts(settings, provider, "append"),
    )
    assert any(first.values())
    assert set(looks.values()) == {1}
    load(settings, provider, provider.source())
    assert counts(settings, provider, "merge", "replace") == first
    assert set(counts(settings, provider, "append").values()) == {2}
    assert {call.method for call in sandbox.traffic.calls} == {"GET"}


@pytest.mark.parametrize("bare", ["API_KEY", "SOURCES__API_KEY"])
def test_without_its_own_key_it_asks_for_one_and_takes_no_other(
    provider: Provider, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, bare: str
) -> None:
    monkeypatch.delenv(variable(provider, "API_KEY"))
    monkeypatch.setenv(bare, KEY)
    with pytest.raises(
        MissingKey, match=rf"api_key under \[sources\.{provider.section}\]"
    ) as caught:
        provider.source()
    assert provider.title in str(caught.value)
    assert variable(provider, "API_KEY") in str(caught.value)
    assert list(sandbox.traffic.calls) == []


def test_a_wrong_key_is_told_in_a_sentence_without_it(
    provider: Provider, sandbox: Sandbox, settings: Settings
) -> None:
    with pytest.raises(PipelineStepFailed) as caught:
        load(settings, provider, provider.source(api_key="sk-wrong-4711"))
    told = plain(caught.value)
    assert isinstance(told, WrongSetting)
    text = str(told)
    assert "4711" not in str(caught.value)
    assert f"set api_key in [sources.{provider.section}]" in text
    assert provider.title in text
    assert "4711" not in text


@pytest.mark.parametrize("key", ["sk-47\n11", "sk-47\u201411", "sk-47\x0011"])
def test_a_key_that_no_header_takes_is_told_in_a_sentence_without_it(
    provider: Provider, key: str
) -> None:
    with pytest.raises(WrongSetting, match=rf"\[sources\.{provider.section}\]") as caught:
        provider.source(api_key=key)
    assert "sk-47" not in str(caught.value)


def test_the_line_break_at_the_end_of_a_key_file_does_not_matter(
    provider: Provider, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable(provider, "API_KEY"), f"{KEY}\n")
    assert list(provider.source().with_resources(provider.tables[0].name))


def test_a_trailing_slash_in_its_address_does_not_matter(
    provider: Provider, sandbox: Sandbox
) -> None:
    base_url = f"{sandbox.base_url(provider.name)}/"
    assert list(provider.source(base_url=base_url).with_resources(provider.tables[0].name))
    assert not [path for path in calls(sandbox, "/") if "//" in path]


def test_its_doctor_finds_a_good_account_well(provider: Provider, sandbox: Sandbox) -> None:
    findings = list(provider.examine(account_of(provider, None, None)))
    assert findings
    assert not [finding.message for finding in findings if finding.broken]
    assert KEY not in " ".join(finding.message for finding in findings)
