"""What the ledger is asked by a person's tools: chains, failures, times of sending, new prices."""

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.requests import UnknownRequest, WrongState
from genai_orchestration.providers.states import OPEN, Failure, JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import MINUTE, NOW, job


def test_attempts_are_found_from_any_of_them(ledger: Ledger) -> None:
    ledgers.approved(ledger, "fox", "other")
    for key in ("fox", "fox-retry2"):
        ledger.abandon(key, NOW)
        ledger.plan_retry(key, NOW)
    chain = ["fox", "fox-retry2", "fox-retry3"]
    for key in chain:
        assert [each.request_key for each in ledger.attempts(key)] == chain
    assert [each.request_key for each in ledger.attempts("other")] == ["other"]
    with pytest.raises(UnknownRequest):
        ledger.attempts("nobody")


def test_a_failure_is_that_of_the_request_or_of_its_job(ledger: Ledger) -> None:
    for key in ("unclear", "no"):
        ledgers.submitting(ledger, key)
    ledger.mark_unknown("unclear", "timed out", NOW)
    ledger.mark_rejected("no", Failure.MODERATION, "no foxes", NOW)
    ledgers.submitted(ledger, "failed")
    bad = JobReport(state=JobState.FAILED, raw="error", failure=Failure.MODERATION, error="no")
    ledger.observe(job("job of failed"), bad, NOW)

    def found(failure: Failure) -> list[str]:
        return sorted(each.request_key for each in ledger.requests(failure=failure))

    assert found(Failure.AMBIGUOUS) == ["unclear"]
    assert found(Failure.MODERATION) == ["failed", "no"]
    assert found(Failure.PLAN) == []


def test_what_was_sent_in_a_window_has_its_first_moment_and_not_its_last(ledger: Ledger) -> None:
    ledgers.approved(ledger, "a", "b", "c", "never")
    for number, key in enumerate("abc"):
        ledger.start(key, ledgers.LOCAL, NOW + number * MINUTE)
    sent = ledger.requests(sent=(NOW, NOW + 2 * MINUTE))
    assert sorted(each.request_key for each in sent) == ["a", "b"]


def test_a_job_is_found_by_its_id_and_by_its_request(ledger: Ledger) -> None:
    for key in ("a", "b"):
        ledgers.submitted(ledger, key)
    assert ledger.jobs(request_key="a") == ledger.jobs(job_id="job of a")
    assert [each.request_key for each in ledger.jobs(job_id="job of b")] == ["b"]


def test_open_jobs_are_counted_and_the_older_ones_are_found(ledger: Ledger) -> None:
    for key in "abc":
        ledgers.submitted(ledger, key)
    ledger.observe(job("job of b"), ledgers.said(JobState.SUCCEEDED, "complete"), NOW)
    assert ledger.open_jobs("magic_hour", "image_project") == 2
    assert ledger.open_jobs("magic_hour", "video_project") == 0
    assert ledger.open_jobs("abyssale", "image_project") == 0
    assert ledger.jobs(seen_by=NOW - MINUTE) == []
    assert {each.request_key for each in ledger.jobs(states=OPEN, seen_by=NOW)} == {"a", "c"}


def test_an_approval_may_know_a_better_price_and_changes_no_older_one(ledger: Ledger) -> None:
    ledger.add([ledgers.wanted("a", price_estimate=None), ledgers.wanted("b")], NOW)
    assert ledger.approve(["a"], NOW, prices={"a": 3}) == 1
    assert ledger.request("a").price_estimate == 3
    ledger.approve(["a"], NOW, prices={"a": 4})
    assert ledger.request("a").price_estimate == 3
    ledgers.submitted(ledger, "done")
    with pytest.raises(WrongState):
        ledger.approve(["b", "done"], NOW, prices={"b": 9})
    assert ledger.request("b").price_estimate == 5
