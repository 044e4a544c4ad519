"""Verdicts on paid requests, as tables: what is asked goes in, what a person reads comes out."""

from datetime import datetime, timedelta

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import JobKey
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.sums import Charge, Spent, total
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.submission.audit import (
    BalanceReading,
    SpentCap,
    balance_matches,
    no_stuck,
    no_unknown,
    within_budget,
)
from genai_orchestration_tests.support.ledgers import (
    BRING,
    LOCAL,
    MINUTE,
    NOW,
    approved,
    job,
    said,
    submitted,
    submitting,
)

SINCE, UNTIL = NOW, NOW + timedelta(hours=1)
HALF = NOW + timedelta(minutes=30)
(PROJECT,) = provider_named("magic_hour").job_kinds
(GENERATION,) = provider_named("abyssale").job_kinds


def reading(credits: int | None, at: datetime = SINCE) -> BalanceReading:
    return BalanceReading(at=at, credits=credits)


@pytest.mark.parametrize(
    ("lost", "spent", "passed", "words"),
    [
        (0, Spent(), True, "the ledger has charged 0."),
        (5, Spent(low=5, high=5), True, "the ledger has charged 5."),
        (5, Spent(low=0, high=5, unsure=1), True, "charged 0 to 5 (1 request not over"),
        (9, Spent(low=5, high=5), False, "it lost 9; the ledger has charged 5: a drift of 4"),
        (9, Spent(low=5, high=5), False, "somebody else spends from the account"),
        (3, Spent(low=5, high=8, unsure=2), False, "a drift of 2. Either a top-up in between"),
        (9, Spent(low=1, high=1, unpriced=1), True, "and 1 without a known price"),
        (-100, Spent(), True, "a top-up of 100;"),
        (-95, Spent(low=5, high=5), True, "a top-up of 100;"),
        (-95, Spent(low=0, high=5, unsure=1), True, "a top-up of 95 to 100;"),
        (-5, Spent(low=-5, high=0, unsure=1), True, "charged -5 to 0 (1 request not over"),
        (9, Spent(ever=False), True, "the ledger has sent no request yet"),
    ],
)
def test_the_balance_is_compared_with_the_ledger(
    lost: int, spent: Spent, passed: bool, words: str
) -> None:
    verdict = balance_matches("magic_hour", reading(200), reading(200 - lost, UNTIL), spent)
    assert (verdict.passed, verdict.grave) == (passed, False)
    assert words in verdict.description
    assert (
        f"went from 200 to {200 - lost} credits between 2026-03-10 12:00 and" in verdict.description
    )
    assert passed or "genai requests list --provider magic_hour" in verdict.description


@pytest.mark.parametrize(("before", "after"), [(None, 5), (5, None)])
def test_a_balance_without_a_limit_is_not_compared(before: int | None, after: int | None) -> None:
    assert balance_matches("abyssale", reading(before), reading(after), Spent()).passed


def charge(
    sent: float,
    decided: float | None = None,
    finished: float | None = None,
    *,
    state: RequestState = RequestState.SUBMITTED,
    charged: int | None = 5,
    priced: bool = True,
) -> Charge:
    """A request with a price of 5 credits; minutes after the first look."""

    def at(minutes: float | None) -> datetime | None:
        return None if minutes is None else SINCE + minutes * MINUTE

    return Charge(
        state=state,
        sent=SINCE + sent * MINUTE,
        decided=at(decided),
        finished=at(finished),
        reserved=5,
        charged=charged,
        priced=priced,
    )


UNKNOWN, ABANDONED = RequestState.UNKNOWN, RequestState.ABANDONED


@pytest.mark.parametrize(
    ("one", "bounds"),
    [
        (charge(-30, -29, -20), (0, 0)),  # over before the first look
        (charge(70, 71), (0, 0)),  # sent after the second
        (charge(10, 11, 20), (5, 5)),
        (charge(10, 11, 20, charged=0), (0, 0)),  # refunded
        (charge(10, 11, 20, charged=None), (5, 5)),  # as it was reserved
        (charge(10, 11, 20, charged=8), (8, 8)),  # dearer than the list has it
        (charge(10, 11), (0, 5)),  # under way at the second look
        (charge(10, 11, 70), (5, 5)),  # was under way there, and nothing came back
        (charge(10, 11, 70, charged=0), (0, 5)),  # what came back may have come before
        (charge(-30, -29), (-5, 0)),  # under way at both: it may come back
        (charge(-30, -29, 20), (0, 0)),
        (charge(-30, -29, 20, charged=0), (-5, 0)),
        (charge(-1, 1, 20), (0, 5)),  # answered near the first look
        (charge(-1, 1, 20, charged=0), (-5, 5)),
        (charge(59, 59.5, 70), (0, 5)),  # near the second
        (charge(10, state=RequestState.SUBMITTING, charged=None), (0, 5)),
        (charge(10, 12, state=UNKNOWN, charged=None), (0, 5)),
        (charge(-30, -28, state=UNKNOWN, charged=None), (0, 0)),
        (charge(10, 12, state=ABANDONED, charged=None), (0, 5)),
        (charge(10, 12, state=ABANDONED, charged=0), (0, 0)),  # looked up: it never arrived
        (charge(-30, 12, state=ABANDONED, charged=None), (0, 0)),  # was paid for before, if at all
    ],
)
def test_what_a_request_took_from_the_balance_is_known_exactly_or_within_bounds(
    one: Charge, bounds: tuple[int, int]
) -> None:
    found = total([one], SINCE, UNTIL)
    assert (found.low, found.high) == bounds
    assert found.unsure == (bounds[0] != bounds[1])


def test_a_request_without_a_price_is_told_when_it_matters() -> None:
    assert total([charge(10, 11, 20, charged=None, priced=False)], SINCE, UNTIL).unpriced == 1
    assert total([charge(-30, -29, -20, charged=None, priced=False)], SINCE, UNTIL).unpriced == 0


def test_the_ledger_is_summed_between_two_looks(ledger: Ledger) -> None:
    assert not ledger.spent_between("magic_hour", SINCE, UNTIL).ever
    for number, minutes in enumerate((-30, 10, 20)):
        key = f"k{number}"
        approved(ledger, key)
        ledger.start(key, LOCAL, NOW + minutes * MINUTE)
        ledger.mark_submitted(key, f"job of {key}", 5, NOW + (minutes + 1) * MINUTE)
        report = JobReport(state=JobState.SUCCEEDED, raw="complete", charged=5)
        ledger.observe(job(f"job of {key}"), report, NOW + (minutes + 2) * MINUTE)
    BRING[RequestState.REJECTED](ledger, "no")
    BRING[RequestState.PLANNED](ledger, "later")
    assert ledger.spent_between("magic_hour", SINCE, UNTIL) == Spent(low=10, high=10)
    approved(ledger, "lost")
    ledger.start("lost", LOCAL, HALF)
    ledger.mark_unknown("lost", "timed out", HALF)
    assert ledger.spent_between("magic_hour", SINCE, UNTIL) == Spent(low=10, high=15, unsure=1)
    assert ledger.spent_between("abyssale", SINCE, UNTIL) == Spent(ever=False)


def test_a_request_of_unknown_outcome_is_named_with_its_command(ledger: Ledger) -> None:
    submitted(ledger, "fine")
    assert no_unknown(ledger.requests(), NOW).passed
    submitting(ledger, "sent")
    assert no_unknown(ledger.requests(), NOW + MINUTE).passed  # its answer may yet come
    verdict = no_unknown(ledger.requests(), NOW + 11 * MINUTE)
    assert (verdict.passed, verdict.grave) == (False, True)
    BRING[RequestState.UNKNOWN](ledger, "lost")
    words = no_unknown(ledger.requests(), NOW + 11 * MINUTE).description
    assert "taken 2 requests: lost since 2026-03-10 12:00, sent since" in words
    assert "genai requests show lost" in words


@pytest.mark.parametrize(
    ("spent", "cap", "passed", "grave", "words"),
    [
        (79, 100, True, False, "Spent or reserved: 79 of 100 credits (79 %) by credits_per_day."),
        (80, 100, False, False, "Nearly used up: 80 of 100 credits (80 %)"),
        (99, 100, False, False, "Nearly used up: 99 of 100"),
        (100, 100, False, True, "Used up: 100 of 100 credits (100 %)"),
        (130, 100, False, True, "Used up: 130 of 100 credits (130 %)"),
        (0, 0, True, False, "0 of 0 credits"),  # a lock
        (5, 0, False, True, "Used up: 5 of 0 credits"),
    ],
)
def test_a_cap_is_told_from_80_percent_and_grave_from_100(
    spent: int, cap: int, passed: bool, grave: bool, words: str
) -> None:
    other = SpentCap(setting="campaigns.spring", credits=1000, spent=1)
    verdict = within_budget([SpentCap(setting="credits_per_day", credits=cap, spent=spent), other])
    assert (verdict.passed, verdict.grave) == (passed, grave)
    assert words.rstrip(".") in verdict.description
    assert ("campaigns.spring" in verdict.description) == passed


def test_without_a_cap_that_is_said() -> None:
    assert within_budget([]).description == (
        "No cap is configured: only a local address is submitted to."
    )


def test_a_job_that_is_open_for_too_long_is_named(ledger: Ledger) -> None:
    submitted(ledger, "slow")
    submitted(ledger, "done")
    ledger.observe(job("job of done"), said(JobState.SUCCEEDED, "complete"), NOW)
    hour = timedelta(hours=1)
    assert (
        no_stuck(ledger.jobs(), PROJECT, NOW + hour / 2).description
        == "1 open, none for 60 minutes."
    )
    verdict = no_stuck(ledger.jobs(), PROJECT, NOW + hour)
    assert (verdict.passed, verdict.grave) == (False, False)
    assert (
        "Open for over 60 minutes: job of slow since 2026-03-10 12:00 (UTC)." in verdict.description
    )
    assert "genai jobs show job of slow" in verdict.description


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (5.9, "Open for over 30 minutes"),
        (6.1, "The provider will forget within a day: job of b1 at 2026-03-17 12:00 (UTC)."),
        (7.1, "It has forgotten by now: job of b1."),
    ],
)
def test_a_job_that_the_provider_will_forget_is_announced_a_day_before(
    ledger: Ledger, days: float, words: str
) -> None:
    submitted(ledger, "b1", provider="abyssale", operation="generation_requests")
    verdict = no_stuck(ledger.jobs(), GENERATION, NOW + timedelta(days=days))
    assert words in verdict.description
    assert ("forg" in verdict.description) == (days > 6)


def test_failures_of_a_job_do_not_make_it_stuck(ledger: Ledger) -> None:
    submitted(ledger, "bad")
    report = JobReport(state=JobState.FAILED, raw="error", failure=Failure.MODERATION)
    ledger.observe(JobKey("magic_hour", "image_project", "job of bad"), report, NOW)
    assert no_stuck(ledger.jobs(), PROJECT, NOW + timedelta(days=2)).passed
