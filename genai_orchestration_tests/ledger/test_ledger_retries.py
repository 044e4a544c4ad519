"""What failed or came to nothing is planned again, as a chain of attempts; nothing else is."""

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.requests import WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.states import JobState
from genai_orchestration.requests.paid_request import KeyConflict
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import MINUTE, NOW, job, said, wanted


@pytest.mark.parametrize("failed", [JobState.FAILED, JobState.CANCELED, JobState.GONE])
def test_what_failed_is_retried_as_a_chain_of_attempts(ledger: Ledger, failed: JobState) -> None:
    ledgers.submitted(ledger, "a", campaign="spring")
    for _ in range(2):
        with pytest.raises(WrongState, match="The job of the request a is QUEUED and cannot be"):
            ledger.plan_retry("a", NOW)
    ledger.observe(job("job of a"), said(failed, "error"), NOW)
    second = ledger.plan_retry("a", NOW + MINUTE)
    assert second == ledger.plan_retry("a", NOW + MINUTE) == "a-retry2"
    made = ledger.request(second)
    assert (made.state, made.attempt, made.retries) == (RequestState.PLANNED, 2, "a")
    assert (made.campaign, made.price_estimate) == ("spring", 5)
    assert made.payload_hash == ledger.request("a").payload_hash
    ledger.abandon(second, NOW)
    assert ledger.plan_retry(second, NOW) == "a-retry3"
    assert ledger.request("a-retry3").retries == second


@pytest.mark.parametrize("state", list(RequestState))
def test_only_what_came_to_nothing_is_retried(ledger: Ledger, state: RequestState) -> None:
    ledgers.BRING[state](ledger, "a")
    if state in (RequestState.REJECTED, RequestState.ABANDONED):
        assert ledger.plan_retry("a", NOW) == "a-retry2"
    else:
        with pytest.raises(WrongState, match="cannot be retried"):
            ledger.plan_retry("a", NOW)
        assert len(ledger.requests()) == 1


def test_a_job_that_succeeded_is_not_paid_for_again(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    ledger.observe(job("job of a"), said(JobState.SUCCEEDED, "complete"), NOW)
    with pytest.raises(WrongState, match="is SUCCEEDED and cannot be retried: only what failed"):
        ledger.plan_retry("a", NOW)


def test_a_retry_takes_no_key_that_is_somebody_elses(ledger: Ledger) -> None:
    ledgers.BRING[RequestState.REJECTED](ledger, "a")
    ledger.add([wanted("a-retry2")], NOW)
    with pytest.raises(KeyConflict, match="would be a-retry2, which is another request's key"):
        ledger.plan_retry("a", NOW)
