"""What a request counts for: reserved, charged, refunded, or nothing."""

from typing import Any

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration_tests.ledger.spending import refused, spent
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import NOW, caps, job, said


def test_a_refund_gives_back_and_a_late_report_does_not_take_it_again(ledger: Ledger) -> None:
    key = spent(ledger, 10)
    ledger.observe(job(f"job of {key}"), said(JobState.FAILED, "error"), NOW)
    ledgers.approved(ledger, "a")
    refused(ledger, caps(per_day=12))
    assert [ledger.record_charge(key, credits) for credits in (10, 7, 10, 7)] == [
        False,
        True,
        *[False] * 2,
    ]
    assert ledger.request(key).credits_charged == 7
    assert ledger.start("a", caps(per_day=12), NOW).reserved == 5
    with pytest.raises(ValueError, match="never below zero"):
        ledger.record_charge(key, -1)


def test_what_a_provider_tells_later_replaces_what_was_reserved(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    assert ledger.usage("magic_hour", NOW).day == 5
    assert ledger.record_charge("a", 8)  # dearer than estimated: the truth
    assert ledger.usage("magic_hour", NOW).day == 8


def test_a_price_told_too_low_at_first_lets_nothing_more_leave(ledger: Ledger) -> None:
    ledgers.submitting(ledger, "a")
    ledger.mark_submitted("a", "job of a", 0, NOW)
    assert ledger.usage("magic_hour", NOW).day == 5
    rendering = JobReport(state=JobState.RUNNING, raw="rendering", charged=0)
    ledger.observe(job("job of a"), rendering, NOW)
    assert ledger.usage("magic_hour", NOW).day == 5
    done = JobReport(state=JobState.SUCCEEDED, raw="complete", charged=7)
    ledger.observe(job("job of a"), done, NOW)  # the first word of a job that is over
    assert ledger.usage("magic_hour", NOW).day == 7
    assert ledger.record_charge("a", 3)  # after that, a refund
    assert not ledger.record_charge("a", 4)
    assert ledger.usage("magic_hour", NOW).day == 3


def test_a_job_that_vanished_may_have_cost_what_was_reserved(ledger: Ledger) -> None:
    ledgers.submitting(ledger, "a")
    ledger.mark_submitted("a", "job of a", 0, NOW)
    ledger.observe(job("job of a"), said(JobState.GONE, "gone"), NOW)
    assert ledger.usage("magic_hour", NOW).day == 5


@pytest.mark.parametrize("odd", [True, False, -1, 2**62 + 1, 2.5, "5"])
def test_what_is_no_number_of_credits_is_not_told(ledger: Ledger, odd: Any) -> None:
    ledgers.submitting(ledger, "a")
    ledger.mark_submitted("a", "job of a", odd, NOW)
    done = JobReport(state=JobState.SUCCEEDED, raw="complete", charged=odd)
    assert ledger.observe(job("job of a"), done, NOW).state is JobState.SUCCEEDED
    assert ledger.request("a").credits_charged is None
    assert ledger.usage("magic_hour", NOW).day == 5


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        (RequestState.PLANNED, 0),
        (RequestState.APPROVED, 0),
        (RequestState.SUBMITTING, 5),
        (RequestState.SUBMITTED, 5),
        (RequestState.REJECTED, 0),
        (RequestState.UNKNOWN, 5),
        (RequestState.ABANDONED, 0),
    ],
)
def test_what_may_have_been_paid_is_counted(
    ledger: Ledger, state: RequestState, counted: int
) -> None:
    ledgers.BRING[state](ledger, "a")
    usage = ledger.usage("magic_hour", NOW)
    assert (usage.day, usage.month) == (counted, counted)
    assert usage.in_flight == (1 if counted else 0)


def test_what_never_arrived_costs_nothing_and_what_is_given_up_may_have_cost(
    ledger: Ledger,
) -> None:
    for key in ("a", "b", "c"):
        ledgers.BRING[RequestState.UNKNOWN](ledger, key)
    ledger.resolve("a", None, NOW)
    ledger.release("b")
    ledger.abandon("c", NOW)
    assert ledger.usage("magic_hour", NOW).day == 5


def test_a_price_that_nobody_publishes_counts_as_one_and_a_free_one_as_none(
    ledger: Ledger,
) -> None:
    ledgers.approved(ledger, "a", price_estimate=None)
    ledgers.approved(ledger, "b", price_estimate=0)
    assert ledger.start("a", caps(per_day=1), NOW).reserved == 1
    assert ledger.start("b", caps(per_day=1), NOW).reserved == 0
