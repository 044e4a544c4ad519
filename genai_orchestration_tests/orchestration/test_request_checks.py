"""The checks of paid requests on a real instance, over a real ledger and a real warehouse."""

import html
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest

from genai_orchestration import clock
from genai_orchestration.definitions import defs
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger import sums as ledger_sums
from genai_orchestration.orchestration.checks.requests import request_checks
from genai_orchestration.orchestration.runs import attempts
from genai_orchestration.providers import all_providers, provider_named
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.orchestration.moved_clock import later
from genai_orchestration_tests.orchestration.paid import approved, banner, hero, materialize

GENERATOR = ("magic_hour", "ai_image_generator")
BANNERS = ("abyssale", "generation_requests")
WITH_BALANCE = [provider for provider in all_providers() if provider.balance_table]


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setattr(attempts, "PAUSES_SECONDS", ())
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    assert result.success
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


def said(check: dg.AssetCheckEvaluation) -> tuple[bool, str, str]:
    return check.passed, check.severity.value, html.unescape(check.description or "")


def looked(instance: dg.DagsterInstance, provider: str) -> tuple[bool, str]:
    """Load the balance once more; what its check says."""
    result = (
        defs()
        .resolve_job_def(f"{provider}_load")
        .execute_in_process(instance=instance, asset_selection=[dg.AssetKey([provider, "credits"])])
    )
    check = checks(result)["balance_matches_ledger"]
    assert check.severity is dg.AssetCheckSeverity.WARN
    return check.passed, html.unescape(check.description or "")


@pytest.mark.parametrize("provider", all_providers(), ids=lambda provider: provider.name)
def test_every_operation_has_its_checks_and_every_balance_its_own(provider: Provider) -> None:
    keys = {
        f"{key.asset_key.to_user_string()} {key.name}"
        for definition in request_checks(provider)
        for key in definition.check_keys
    }
    wanted = {
        f"{provider.name}/{operation.name} {name}"
        for operation in provider.operations
        for name in ("no_unknown_requests", "budget", "no_stuck_jobs")
    }
    if provider.balance_table:
        wanted.add(f"{provider.name}/credits balance_matches_ledger")
    assert keys == wanted


def test_all_is_well_after_a_submission(instance: dg.DagsterInstance, sandbox: Sandbox) -> None:
    approved(hero("hero-1"))
    found = checks(materialize(instance, *GENERATOR))
    assert {name: check.passed for name, check in found.items()} == {
        "no_unknown_requests": True,
        "budget": True,
        "no_stuck_jobs": True,
    }
    assert found["budget"].description == (
        "No cap is configured: only a local address is submitted to."
    )


def test_a_lost_answer_is_an_error_with_the_key_and_the_command(
    instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    lost = Fault(
        kind="status", status=502, after_work=True, path="/magic_hour/v1/ai-image", method="POST"
    )
    sandbox.traffic.faults.append(lost)
    approved(hero("hero-1"))
    passed, severity, words = said(checks(materialize(instance, *GENERATOR))["no_unknown_requests"])
    assert (passed, severity) == (False, "ERROR")
    assert "hero-1 since 20" in words
    assert "genai requests show hero-1" in words


@pytest.mark.parametrize(("cap", "severity"), [("6", "WARN"), ("5", "ERROR")])
def test_a_budget_that_runs_out_is_told_with_its_numbers(
    instance: dg.DagsterInstance,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    cap: str,
    severity: str,
) -> None:
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__CREDITS_PER_MONTH", cap)
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__CREDITS_PER_DAY", "1000")
    approved(hero("hero-1"))
    found = said(checks(materialize(instance, *GENERATOR))["budget"])
    assert found[:2] == (False, severity)
    assert f"5 of {cap} credits" in found[2]
    assert "credits_per_month" in found[2]
    assert "credits_per_day" not in found[2]


def test_a_wrong_cap_fails_the_check_in_words_and_not_the_run(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__CREDITS_PER_DAY", "plenty")
    passed, severity, words = said(checks(materialize(instance, *GENERATOR))["budget"])
    assert (passed, severity) == (False, "WARN")
    assert "credits_per_day 'plenty' is not a whole number" in words


def test_stuck_jobs_are_told_of_their_own_operation_only(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(hero("hero-1"))
    materialize(instance, *GENERATOR)
    later(monkeypatch, hours=2)
    passed, severity, words = said(checks(materialize(instance, *GENERATOR))["no_stuck_jobs"])
    assert (passed, severity) == (False, "WARN")
    assert words.startswith("Open for over 60 minutes: ")
    other = checks(materialize(instance, "magic_hour", "ai_image_upscaler"))
    assert other["no_stuck_jobs"].passed


def test_a_banner_that_is_soon_forgotten_is_announced(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(banner("banner-1", next(iter(sandbox.providers["abyssale"].designs))))
    materialize(instance, *BANNERS)
    later(monkeypatch, days=6, hours=1)
    words = said(checks(materialize(instance, *BANNERS))["no_stuck_jobs"])[2]
    assert "The provider will forget within a day: " in words


@pytest.mark.parametrize("provider", WITH_BALANCE, ids=lambda provider: provider.name)
def test_a_balance_is_compared_from_the_second_look_on(
    instance: dg.DagsterInstance, sandbox: Sandbox, provider: Provider
) -> None:
    assert looked(instance, provider.name) == (
        True,
        "The balance was read once; the next reading can be compared.",
    )
    passed, words = looked(instance, provider.name)
    assert passed
    assert words.endswith("; the ledger has sent no request yet.")


def test_what_the_balance_lost_is_what_was_charged_or_a_drift_or_a_top_up(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_sums, "NEAR", timedelta(0))  # these looks follow at once
    account = sandbox.providers["magic_hour"]
    looked(instance, "magic_hour")
    approved(hero("hero-1"), hero("hero-2", "a boot"))
    materialize(instance, *GENERATOR)
    with Ledger.open(Settings.load()) as ledger:
        first, second = ledger.jobs()
        done = JobReport(state=JobState.SUCCEEDED, raw="complete", charged=5)
        ledger.observe(first.key, done, clock.now())
        passed, words = looked(instance, "magic_hour")
        assert passed, words
        assert words.endswith("; the ledger has charged 5 to 10 (1 request not over or unclear).")
        ledger.observe(second.key, done, clock.now())
    looked(instance, "magic_hour")
    account.credits -= 42
    passed, words = looked(instance, "magic_hour")
    assert not passed
    assert "so it lost 42; the ledger has charged 0: a drift of 42." in words
    account.credits += 500
    passed, words = looked(instance, "magic_hour")
    assert passed
    assert words.endswith(": a top-up of 500; the ledger has charged 0.")


def test_a_ledger_that_cannot_be_opened_fails_the_check_and_not_the_load(
    instance: dg.DagsterInstance, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked(instance, "magic_hour")
    monkeypatch.setenv("GENAI_LEDGER", "mysql://u:secret@nowhere/db")
    passed, words = looked(instance, "magic_hour")
    assert not passed
    assert words.startswith("It could not be checked. GENAI_LEDGER")
    assert "secret" not in words


def test_a_provider_without_a_balance_has_no_check_of_it() -> None:
    assert provider_named("imagine_api").balance_table is None
