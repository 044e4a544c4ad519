"""A clock that was wrong for a while: what it wrote, far ahead, keeps nothing back."""

from datetime import timedelta

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import ConcurrencyLimitReached, Limits
from genai_orchestration.ledger.outcomes import Outcome
from genai_orchestration.ledger.requests import LONGEST_POST
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.submission import circuit_breaker
from genai_orchestration.watching import watch
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, MINUTE, NOW, job, said

MAGIC = provider_named("magic_hour")
[KIND] = MAGIC.job_kinds
YEAR = timedelta(days=365)
SECOND = timedelta(seconds=1)
ONE = Limits(base_url=LOCAL.base_url, in_flight=1)


class Rendering:
    """A provider whose jobs all run."""

    base_url = LOCAL.base_url

    def account(self) -> str | None:
        return None

    def report(self, job_id: str) -> JobReport:
        return said(JobState.RUNNING, "rendering")


def test_a_job_that_is_to_be_asked_after_next_year_is_due(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    running = said(JobState.RUNNING, "rendering")
    ledger.observe(job("job of a"), running, NOW, next_poll=NOW + YEAR)
    assert [each.job_id for each in ledger.jobs(due=NOW)] == ["job of a"]
    ledger.observe(job("job of a"), running, NOW, next_poll=NOW + timedelta(hours=2))
    assert ledger.jobs(due=NOW) == []


def test_a_job_that_was_made_next_year_is_asked_after_like_others(ledger: Ledger) -> None:
    ledgers.approved(ledger, "a")
    ledger.start("a", LOCAL, NOW + YEAR)
    ledger.mark_submitted("a", "job of a", None, NOW + YEAR)
    assert watch.poll(ledger, MAGIC, KIND, Rendering(), NOW, seconds=60).asked == 1
    next_poll = ledger.job(job("job of a")).next_poll
    assert next_poll is not None
    assert next_poll - NOW < timedelta(hours=2)


def test_what_was_started_next_year_is_given_up_and_takes_no_place(ledger: Ledger) -> None:
    ledgers.approved(ledger, "a", "b", "made", "soon")
    ledger.start("a", ONE, NOW + YEAR)
    assert (
        ledger.mark_orphans_unknown(NOW) == []
    )  # it may have been sent a moment ago, by another clock
    assert ledger.mark_orphans_unknown(NOW + LONGEST_POST) == []
    assert ledger.mark_orphans_unknown(NOW + LONGEST_POST + SECOND) == ["a"]
    assert ledger.usage("magic_hour", NOW).in_flight == 0
    ledger.start("made", LOCAL, NOW + YEAR)
    ledger.mark_submitted("made", "job of made", None, NOW + YEAR)
    assert ledger.usage("magic_hour", NOW).in_flight == 0
    ledger.start("soon", ONE, NOW + 9 * MINUTE)  # the clocks of two computers may differ so much
    assert ledger.mark_orphans_unknown(NOW) == []
    with pytest.raises(ConcurrencyLimitReached):
        ledger.start("b", ONE, NOW)


def test_failures_of_next_year_do_not_stop_the_line_and_hide_no_others(ledger: Ledger) -> None:
    for number in range(circuit_breaker.OUTCOMES_READ):
        ledgers.submitting(ledger, f"k{number}")
        ledger.mark_unknown(f"k{number}", "timed out", NOW + YEAR)
    assert ledger.outcomes("magic_hour", circuit_breaker.OUTCOMES_READ, NOW) == []
    for number in range(3):
        ledgers.submitting(ledger, f"true{number}")
        ledger.mark_unknown(f"true{number}", "timed out", NOW + MINUTE)
    newest = ledger.outcomes("magic_hour", circuit_breaker.OUTCOMES_READ, NOW)
    assert newest == [Outcome(NOW, Failure.AMBIGUOUS)] * 3  # those a moment ahead count as now
    assert circuit_breaker.stopped("Magic Hour", newest, NOW)


def test_a_rest_that_ends_tomorrow_says_so() -> None:
    midnight = NOW.replace(hour=23, minute=58)
    newest = [Outcome(midnight, Failure.AMBIGUOUS)] * 3
    assert "rests until 2026-03-11 00:03:00 UTC" in (
        circuit_breaker.stopped("It", newest, midnight) or ""
    )
