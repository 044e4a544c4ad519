"""Caps, floors and places in flight: what a start is refused for."""

from datetime import datetime, timedelta, timezone

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import (
    Balance,
    Budget,
    BudgetNotConfigured,
    BudgetSpent,
    ConcurrencyLimitReached,
    Limits,
    is_local,
)
from genai_orchestration.ledger.reservations import COUNTED
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration_tests.ledger.spending import refused, spent
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, MINUTE, NOW, VENDOR, caps, job, said

DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=timezone.utc)
NEW_YEAR = datetime(2027, 1, 1, tzinfo=timezone.utc)


def test_without_a_cap_nothing_goes_out_and_the_message_says_which_setting_to_set(
    ledger: Ledger,
) -> None:
    ledgers.approved(ledger, "a")
    with pytest.raises(BudgetNotConfigured):
        ledger.start("a", Limits(base_url=VENDOR, in_flight=9), NOW)
    assert refused(ledger, caps(floor=0, campaigns={"spring": 9})) == (
        "No cap is set for what magic_hour may spend, and https://api.vendor.example is not a "
        "local address, so nothing is submitted: set credits_per_day or credits_per_month in "
        "[sources.magic_hour_source] of .dlt/config.toml, or "
        "SOURCES__MAGIC_HOUR_SOURCE__CREDITS_PER_DAY."
    )
    assert ledger.start("a", LOCAL, NOW).state is RequestState.SUBMITTING


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9:1", True),
        ("http://[::1]:8000", True),
        ("https://api.magichour.ai", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://127.0.0.1@evil.example", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
        ("http://[::1", False),
        ("localhost:8000", False),
        ("", False),
    ],
)
def test_only_this_computers_own_addresses_are_local(address: str, local: bool) -> None:
    assert is_local(address) is local


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (caps(per_day=14), "has a cap of 14 credits for a day; 10 are spent or reserved, and this"),
        (caps(per_month=14, per_day=99), "a cap of 14 credits for a month; 10 are spent or"),
        (caps(campaigns={"spring": 14}), "a cap of 14 credits for campaign spring; 10 are spent"),
        (caps(per_day=0), "a cap of 0 credits for a day"),
    ],
)
def test_a_cap_is_never_passed(ledger: Ledger, limits: Limits, says: str) -> None:
    spent(ledger, 10, campaign="spring")
    ledgers.approved(ledger, "a", campaign="spring")
    message = refused(ledger, limits)
    assert says in message
    assert "in [sources.magic_hour_source]." in message
    assert limits.budget.per_day != 15
    raised = Budget(per_day=15, per_month=15, campaigns={"spring": 15})  # a cap may be reached
    ledger.start("a", Limits(base_url=VENDOR, budget=raised), NOW)


def test_a_cap_holds_for_local_addresses_as_well(ledger: Ledger) -> None:
    ledgers.approved(ledger, "a")
    assert "a cap of 4" in refused(
        ledger, Limits(base_url=LOCAL.base_url, budget=Budget(per_day=4))
    )


def test_days_and_months_begin_at_midnight_utc(ledger: Ledger) -> None:
    spent(ledger, 10, MIDNIGHT - MINUTE)
    ledgers.approved(ledger, "a")
    new_york = timezone(timedelta(hours=-5))
    assert "10 are spent" in refused(ledger, caps(per_day=14), MIDNIGHT - MINUTE)
    assert "10 are spent" in refused(ledger, caps(per_month=14), MIDNIGHT)
    ledger.start("a", caps(per_day=14), MIDNIGHT.astimezone(new_york))
    assert ledger.usage("magic_hour", MIDNIGHT).day == 5
    assert ledger.usage("magic_hour", MIDNIGHT).month == 15


def test_december_ends_and_a_day_before_is_another_day(ledger: Ledger) -> None:
    spent(ledger, 10, NEW_YEAR - MINUTE)
    spent(ledger, 3, NEW_YEAR)
    assert [ledger.usage("magic_hour", NEW_YEAR + step).month for step in (-MINUTE, MINUTE)] == [
        10,
        3,
    ]
    assert ledger.usage("magic_hour", NEW_YEAR - 2 * DAY).day == 0


def test_another_provider_and_another_campaign_have_caps_of_their_own(ledger: Ledger) -> None:
    spent(ledger, 99, provider="abyssale", campaign="spring")
    spent(ledger, 99, campaign="autumn")
    ledgers.approved(ledger, "a", campaign="spring")
    limits = caps(per_day=104, campaigns={"spring": 5})
    assert ledger.start("a", limits, NOW).reserved == 5
    assert ledger.usage("magic_hour", NOW, campaign="spring").campaign == 5


def test_a_place_in_flight_is_free_again_when_the_job_ends(ledger: Ledger) -> None:
    two = Limits(base_url=LOCAL.base_url, in_flight=2)
    ledgers.submitting(ledger, "one")
    ledgers.submitted(ledger, "two")
    ledgers.submitted(ledger, "other", provider="abyssale")
    ledgers.approved(ledger, "a", "b")
    with pytest.raises(ConcurrencyLimitReached):
        ledger.start("a", two, NOW)
    assert "magic_hour has 2 of the 2 jobs in flight" in refused(ledger, two)
    ledger.observe(job("job of two"), said(JobState.RUNNING, "rendering"), NOW)
    refused(ledger, two)
    ledger.observe(job("job of two"), said(JobState.FAILED, "error"), NOW)
    ledger.start("a", two, NOW)
    refused(ledger, two, key="b")
    ledger.mark_rejected("one", Failure.OUT_OF_CREDITS, "402", NOW)
    ledger.start("b", two, NOW)


def test_an_unknown_job_is_counted_as_running_for_an_hour(ledger: Ledger) -> None:
    one = Limits(base_url=LOCAL.base_url, in_flight=1)
    ledgers.BRING[RequestState.UNKNOWN](ledger, "lost")
    ledgers.approved(ledger, "a")
    refused(ledger, one, NOW + COUNTED - MINUTE)
    ledger.start("a", one, NOW + COUNTED)


def test_the_floor_of_the_balance_counts_what_the_balance_did_not_know_of(ledger: Ledger) -> None:
    def limits(credits: int, asked_at: datetime) -> Limits:
        balance = Balance(credits=credits, asked_at=asked_at)
        budget = Budget(per_month=999, floor=100)
        return Limits(base_url=VENDOR, budget=budget, balance=balance)

    spent(ledger, 10, NOW - 2 * MINUTE)  # the balance knows
    spent(ledger, 20, NOW)  # it may not
    ledgers.approved(ledger, "slow", price_estimate=7)
    ledger.start("slow", LOCAL, NOW - 2 * MINUTE)
    ledger.mark_submitted("slow", "slow job", 7, NOW)  # its answer came after
    ledgers.approved(ledger, "way", price_estimate=40)
    ledger.start("way", LOCAL, NOW - 2 * MINUTE)  # started before, perhaps charged after
    ledgers.approved(ledger, "a")
    assert refused(ledger, limits(171, NOW - MINUTE)) == (
        "magic_hour has 104 credits left and a floor of 100; this request takes 5. Buy credits, "
        "or lower balance_floor in [sources.magic_hour_source]."
    )
    ledger.start("a", limits(172, NOW - MINUTE), NOW)


def test_a_balance_that_is_not_known_is_not_taken_for_enough(ledger: Ledger) -> None:
    ledgers.approved(ledger, "a")
    with pytest.raises(BudgetSpent):
        ledger.start("a", caps(per_day=99, floor=1), NOW)
    assert "its balance is not known" in refused(ledger, caps(per_day=99, floor=1))
