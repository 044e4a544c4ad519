"""Every step of a paid request from every state: the legal ones, and the sentence of the others."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.requests import LONGEST_POST, JobTaken, WrongState
from genai_orchestration.ledger.states import NEXT, RequestState
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, MINUTE, NOW, job

S = RequestState
LATER = NOW + MINUTE
SECOND = timedelta(seconds=1)

STEPS: Mapping[str, Callable[[Ledger, str], object]] = {
    "approve": lambda ledger, key: ledger.approve([key], LATER),
    "start": lambda ledger, key: ledger.start(key, LOCAL, LATER),
    "submitted": lambda ledger, key: ledger.mark_submitted(key, f"new job of {key}", 3, LATER),
    "rejected": lambda ledger, key: ledger.mark_rejected(key, Failure.OUT_OF_CREDITS, "402", LATER),
    "unknown": lambda ledger, key: ledger.mark_unknown(key, "timed out again", LATER),
    "released": lambda ledger, key: ledger.release(key),
    "abandon": lambda ledger, key: ledger.abandon(key, LATER),
    "resolve to a job": lambda ledger, key: ledger.resolve(key, f"new job of {key}", LATER),
    "resolve to none": lambda ledger, key: ledger.resolve(key, None, LATER),
    "charged": lambda ledger, key: ledger.record_charge(key, 2),
}
# what is not here is illegal, and changes nothing
LEGAL: Mapping[tuple[str, RequestState], RequestState] = {
    ("approve", S.PLANNED): S.APPROVED,
    ("start", S.APPROVED): S.SUBMITTING,
    ("submitted", S.SUBMITTING): S.SUBMITTED,
    ("submitted", S.UNKNOWN): S.SUBMITTED,
    ("rejected", S.SUBMITTING): S.REJECTED,
    ("rejected", S.UNKNOWN): S.REJECTED,
    ("unknown", S.SUBMITTING): S.UNKNOWN,
    ("released", S.SUBMITTING): S.APPROVED,
    ("released", S.UNKNOWN): S.APPROVED,
    ("abandon", S.PLANNED): S.ABANDONED,
    ("abandon", S.APPROVED): S.ABANDONED,
    ("abandon", S.UNKNOWN): S.ABANDONED,
    ("resolve to a job", S.UNKNOWN): S.SUBMITTED,
    ("resolve to a job", S.REJECTED): S.SUBMITTED,
    ("resolve to none", S.UNKNOWN): S.ABANDONED,
    ("charged", S.SUBMITTED): S.SUBMITTED,
}
REPEATS = {  # legal, and nothing happens
    ("approve", S.APPROVED),
    ("rejected", S.REJECTED),
    ("unknown", S.UNKNOWN),
    ("abandon", S.ABANDONED),
}


@pytest.mark.parametrize("step", STEPS)
def test_each_step_leaves_the_states_that_it_may_and_no_other(ledger: Ledger, step: str) -> None:
    for state in RequestState:
        key = state.value
        ledgers.BRING[state](ledger, key)
        before = ledger.request(key)
        assert before.state is state
        if (step, state) in LEGAL:
            STEPS[step](ledger, key)
            assert ledger.request(key).state is LEGAL[step, state]
        elif (step, state) in REPEATS:
            STEPS[step](ledger, key)
            assert ledger.request(key) == before
        else:
            with pytest.raises(WrongState, match=f"The request {key} is ") as caught:
                STEPS[step](ledger, key)
            if step in ("submitted", "resolve to a job"):  # there is a job: no second one
                assert "retry" not in str(caught.value)
            else:
                assert NEXT[state] in str(caught.value)
            assert ledger.request(key) == before
    jobs = {found.request_key for found in ledger.jobs()}
    assert jobs == {row.request_key for row in ledger.requests(states=[S.SUBMITTED])}


def test_a_submission_is_written_down_with_its_job(ledger: Ledger) -> None:
    ledgers.approved(ledger, "a")
    started = ledger.start("a", LOCAL, NOW)
    assert (started.state, started.reserved) == (S.SUBMITTING, 5)
    assert (started.submitting_at, started.submitting_by) == (NOW, "ann@desk")
    ledger.mark_submitted("a", "j1", 4, LATER)
    after = ledger.request("a")
    assert (after.provider_job_id, after.credits_charged, after.decided_at) == ("j1", 4, LATER)
    made = ledger.job(job("j1"))
    assert (made.state, made.request_key, made.first_seen) == (JobState.QUEUED, "a", LATER)
    assert (made.next_poll, made.last_polled, made.finished) == (LATER, None, None)
    ledger.mark_submitted("a", "j1", 9, LATER + MINUTE)  # said again
    assert ledger.request("a") == after


def test_a_second_job_of_one_request_is_told_and_not_lost_in_silence(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    with pytest.raises(WrongState, match="now its job j2 is reported as well: check both"):
        ledger.mark_submitted("a", "j2", None, NOW)


def test_a_job_belongs_to_one_request(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    ledgers.submitting(ledger, "b")
    with pytest.raises(JobTaken, match="job of a belongs to the request a, so it cannot be the"):
        ledger.mark_submitted("b", "job of a", 5, NOW)
    assert ledger.request("b").state is S.SUBMITTING  # no half of it is written
    assert ledger.request("b").provider_job_id is None


def test_a_rejection_keeps_the_vendors_words(ledger: Ledger) -> None:
    ledgers.submitting(ledger, "a")
    ledger.mark_rejected("a", Failure.OUT_OF_CREDITS, "402: buy more", LATER)
    after = ledger.request("a")
    assert (after.error_class, after.error_text) == ("out_of_credits", "402: buy more")
    assert (after.decided_at, after.credits_charged) == (LATER, 0)


def test_only_submissions_older_than_any_post_are_orphans(ledger: Ledger) -> None:
    ledgers.submitting(ledger, "old")
    ledgers.approved(ledger, "young")
    ledger.start("young", LOCAL, NOW + SECOND)
    assert ledger.mark_orphans_unknown(NOW + LONGEST_POST) == []
    assert ledger.mark_orphans_unknown(NOW + LONGEST_POST + SECOND) == ["old"]
    assert ledger.mark_orphans_unknown(NOW + LONGEST_POST + SECOND) == []
    found = ledger.request("old")
    assert (found.state, found.error_class) == (S.UNKNOWN, "ambiguous")
    assert found.error_text == "no answer was recorded within 10 minutes: a crash"
    assert ledger.request("young").state is S.SUBMITTING


def test_an_answer_that_comes_after_all_is_believed(ledger: Ledger) -> None:
    ledgers.submitting(ledger, "a")
    ledger.mark_orphans_unknown(NOW + LONGEST_POST + SECOND)
    ledger.mark_submitted("a", "j1", 5, NOW + LONGEST_POST + MINUTE)
    found = ledger.request("a")
    assert (found.state, found.provider_job_id) == (S.SUBMITTED, "j1")
    assert (found.error_class, found.error_text) == (None, None)


def test_a_late_yes_is_of_a_job_that_costs_whatever_a_person_has_decided(ledger: Ledger) -> None:
    for key, found in (("a", None), ("b", None), ("c", 3)):
        ledgers.BRING[S.UNKNOWN](ledger, key)
        ledger.resolve(key, None, NOW)  # "it never arrived": it costs nothing
        ledger.mark_submitted(key, f"job of {key}", found, LATER)
    ledgers.BRING[S.REJECTED](ledger, "d")
    ledger.resolve("d", "job of d", LATER)
    assert {row.state for row in ledger.requests()} == {S.SUBMITTED}
    assert [row.credits_charged for row in ledger.requests()] == [None, None, 3, None]
    assert ledger.usage("magic_hour", NOW).day == 4 * 5


def test_what_was_never_sent_has_no_job(ledger: Ledger) -> None:
    ledgers.BRING[S.ABANDONED](ledger, "a")
    for take in (ledger.resolve, lambda *values: ledger.mark_submitted("a", "j1", None, NOW)):
        with pytest.raises(WrongState, match="check at magic_hour whose job j1 is") as caught:
            take("a", "j1", NOW)
        assert "retry" not in str(caught.value)


@pytest.mark.parametrize("decide", ["mark_rejected", "mark_unknown"])
def test_a_word_on_an_older_post_says_nothing_of_a_newer_one(ledger: Ledger, decide: str) -> None:
    ledgers.submitting(ledger, "a")
    ledger.release("a")
    ledger.start("a", LOCAL, LATER)
    why = (Failure.KEY, "401") if decide == "mark_rejected" else ("timed out",)
    with pytest.raises(WrongState, match="The request a is submitting and cannot be recorded as"):
        getattr(ledger, decide)("a", *why, LATER, started=NOW)
    assert ledger.request("a").state is S.SUBMITTING
    getattr(ledger, decide)("a", *why, LATER, started=LATER)
    assert f"mark_{ledger.request('a').state.value}" == decide


def test_what_a_person_decides_carries_the_persons_name(ledger: Ledger) -> None:
    for key in ("found", "never", "given up"):
        ledgers.submitting(ledger, key.replace(" ", "-"))
        ledger.mark_unknown(key.replace(" ", "-"), "timed out", NOW)
    ledger.resolve("found", "j1", LATER)
    ledger.resolve("never", None, LATER)
    ledger.abandon("given-up", LATER)
    rows = {row.request_key: row for row in ledger.requests()}
    assert {row.decided_by for row in rows.values()} == {"ann@desk"}
    assert {row.decided_at for row in rows.values()} == {LATER}
    assert ledger.job(job("j1")).request_key == "found"
    assert (rows["never"].credits_charged, rows["given-up"].credits_charged) == (0, None)


def test_what_is_released_can_be_started_like_the_first_time(ledger: Ledger) -> None:
    ledgers.approved(ledger, "a")
    before = ledger.request("a")
    ledger.start("a", LOCAL, NOW)
    ledger.mark_unknown("a", "timed out", NOW)
    ledger.release("a")
    assert ledger.request("a") == before
    assert ledger.start("a", LOCAL, LATER).submitting_at == LATER
