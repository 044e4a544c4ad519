"""Limits as they are configured, and the balance that a floor makes matter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genai_orchestration.ledger.budget import Budget, Usage, refusal
from genai_orchestration.providers import abyssale, imagine_api, magic_hour
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.work import UNLIMITED
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.submission.limits import budget_of, limits_of
from genai_orchestration_tests.support.ledgers import NOW

MAGIC = magic_hour.PROVIDER
SECTION = "SOURCES__MAGIC_HOUR_SOURCE__"


def configure(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(SECTION + name.upper(), value)


def test_without_a_setting_there_is_no_cap() -> None:
    assert budget_of(MAGIC, ["spring", None]) == Budget()


def test_caps_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, credits_per_day="100", credits_per_month="1_000", balance_floor="0")
    configure(monkeypatch, campaigns__spring=" 50 ", campaigns__autumn="7")
    budget = budget_of(MAGIC, ["spring", "summer", None])
    assert budget == Budget(per_day=100, per_month=1000, floor=0, campaigns={"spring": 50})


def test_a_campaigns_name_may_have_dots_and_spaces(tmp_path: Path) -> None:
    secrets = tmp_path / ".dlt" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text(
        '[sources.magic_hour_source.campaigns]\n"spring.sale" = 5\n"Black Friday" = 0\n'
    )
    code = (  # a process of its own: dlt reads its files once
        "from genai_orchestration.submission.limits import budget_of\n"
        "from genai_orchestration.providers.magic_hour import PROVIDER\n"
        "print(budget_of(PROVIDER, ['spring.sale', 'Black Friday', 'spring']).campaigns)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ
    )
    assert ran.stdout.strip() == "{'spring.sale': 5, 'Black Friday': 0}"
    over = {**os.environ, f"{SECTION}CAMPAIGNS__BLACK FRIDAY": "2"}  # the environment wins
    ran = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=over
    )
    assert ran.stdout.strip() == "{'spring.sale': 5, 'Black Friday': 2}"


@pytest.mark.parametrize("name", ["credits_per_day", "balance_floor", "campaigns__x"])
@pytest.mark.parametrize("value", ["-1", "1.5", "1e3", "many", "true", "nan", "0x10", "[1]"])
def test_nonsense_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    configure(monkeypatch, **{name: value})
    with pytest.raises(WrongSetting) as caught:
        budget_of(MAGIC, ["x"])
    name = name.replace("__", ".")
    assert str(caught.value) == (
        f"{name} {value!r} is not a whole number from 0: set it in [sources.magic_hour_source]."
    )


def test_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, credits_per_day="")
    assert budget_of(MAGIC) == Budget()


def test_the_balance_is_asked_for_where_a_floor_makes_it_matter(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAGIC.submitter
    submitter = MAGIC.submitter()
    assert limits_of(MAGIC, submitter, [], NOW).balance is None
    assert list(sandbox.traffic.calls) == []
    configure(monkeypatch, balance_floor="10")
    balance = limits_of(MAGIC, submitter, [], NOW).balance
    assert balance is not None
    assert (balance.credits, balance.asked_at) == (100_000, NOW)


def test_a_floor_under_a_balance_that_nobody_knows_lets_nothing_out(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAGIC.submitter
    configure(monkeypatch, balance_floor="10")
    sandbox.traffic.faults.append(Fault(kind="status", status=401, times=9))
    limits = limits_of(MAGIC, MAGIC.submitter(), [], NOW)
    refused = refusal("magic_hour", None, 1, limits, Usage())
    assert "a floor of 10 credits, but its balance is not known" in str(refused)


def test_a_plan_without_a_limit_is_above_any_floor(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ABYSSALE_SOURCE__BALANCE_FLOOR", "1000000")
    sandbox.providers["abyssale"].studio.generation_credits.limit = None
    provider = abyssale.PROVIDER
    assert provider.submitter
    limits = limits_of(provider, provider.submitter(), [], NOW)
    assert limits.balance is not None
    assert limits.balance.credits == UNLIMITED
    assert refusal("abyssale", None, 10**9, limits, Usage(since_balance=10**9)) is None


def test_places_in_flight_are_the_providers_unless_configured(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = imagine_api.PROVIDER
    assert provider.submitter
    submitter = provider.submitter()
    assert limits_of(provider, submitter, [], NOW).in_flight == 3
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__IN_FLIGHT", "12")
    assert limits_of(provider, submitter, [], NOW).in_flight == 12
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__IN_FLIGHT", "0")
    with pytest.raises(WrongSetting, match="in_flight '0' is not a whole number from 1"):
        limits_of(provider, submitter, [], NOW)


def test_the_ceiling_of_posts_and_the_address_are_the_providers(sandbox: Sandbox) -> None:
    provider = abyssale.PROVIDER
    assert provider.submitter
    limits = limits_of(provider, provider.submitter(), [], NOW)
    assert (limits.posts_per_second, limits.in_flight) == (10, None)
    assert limits.base_url == sandbox.base_url("abyssale")
