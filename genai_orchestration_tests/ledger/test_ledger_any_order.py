"""Whatever happens to requests and jobs, in any order: one legal terminal state, and no other.

answers late, repeated, reversed ─┐
people, crashes, refunds         ─┼─► the ledger ─► is each change a legal one?
words that nobody knows          ─┘                is what is over, over for good?
"""

import itertools
from collections.abc import Callable, Mapping
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from genai_orchestration.errors import UserError
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import Budget, Limits
from genai_orchestration.ledger.records import JobObservation, RequestRecord
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, MINUTE, NOW, job, said, wanted

S = RequestState
EDGES = {
    (S.PLANNED, S.APPROVED),
    (S.PLANNED, S.ABANDONED),
    (S.APPROVED, S.SUBMITTING),
    (S.APPROVED, S.ABANDONED),
    (S.SUBMITTING, S.SUBMITTED),
    (S.SUBMITTING, S.REJECTED),
    (S.SUBMITTING, S.UNKNOWN),
    (S.SUBMITTING, S.APPROVED),
    (S.UNKNOWN, S.SUBMITTED),
    (S.UNKNOWN, S.REJECTED),
    (S.UNKNOWN, S.APPROVED),
    (S.UNKNOWN, S.ABANDONED),
    (S.ABANDONED, S.SUBMITTED),  # its job turned up after all
    (S.REJECTED, S.SUBMITTED),
}
FINAL = {S.SUBMITTED, S.REJECTED, S.ABANDONED}
PAID = {S.SUBMITTING, S.SUBMITTED, S.UNKNOWN}  # counted by the budget
LATE = timedelta(hours=1)
FULL = Limits(base_url=LOCAL.base_url, budget=Budget(per_day=0))

EVENTS: Mapping[str, Callable[[Ledger, str], object]] = {
    "added again": lambda ledger, key: ledger.add([wanted(key)], NOW),
    "added otherwise": lambda ledger, key: ledger.add([wanted(key, payload={})], NOW),
    "approved": lambda ledger, key: ledger.approve([key], NOW),
    "started": lambda ledger, key: ledger.start(key, LOCAL, NOW),
    "started without budget": lambda ledger, key: ledger.start(key, FULL, NOW),
    "a job": lambda ledger, key: ledger.mark_submitted(key, f"{key} one", 4, NOW),
    "another job": lambda ledger, key: ledger.mark_submitted(key, f"{key} two", None, NOW),
    "a no": lambda ledger, key: ledger.mark_rejected(key, Failure.OUT_OF_CREDITS, "402", NOW),
    "a timeout": lambda ledger, key: ledger.mark_unknown(key, "timed out", NOW),
    "a crash": lambda ledger, key: ledger.mark_orphans_unknown(NOW + LATE),
    "too early": lambda ledger, key: ledger.mark_orphans_unknown(NOW),
    "proof of nothing": lambda ledger, key: ledger.release(key),
    "given up": lambda ledger, key: ledger.abandon(key, NOW),
    "found": lambda ledger, key: ledger.resolve(key, f"{key} one", NOW),
    "not found": lambda ledger, key: ledger.resolve(key, None, NOW),
    "a refund": lambda ledger, key: ledger.record_charge(key, 0),
    "the price": lambda ledger, key: ledger.record_charge(key, 4),
    "retried": lambda ledger, key: ledger.plan_retry(key, NOW),
}
# from a state that is not final to one that is
TO_THE_END = ("approved", "started", "a crash", "not found")
numbers = itertools.count()


def happen(ledger: Ledger, event: str, key: str) -> str:
    """The event; or why it cannot be, in a sentence."""
    try:
        EVENTS[event](ledger, key)
    except UserError as error:
        return str(error)
    return "It happened."


def check_change(before: RequestRecord, after: RequestRecord) -> None:
    if before.state is after.state:
        kept = {**vars(before), "credits_charged": after.credits_charged}
        assert vars(after) == kept  # a refund is all that may come to it
    else:
        assert (before.state, after.state) in EDGES


def check_stand(ledger: Ledger, row: RequestRecord) -> None:
    counted = row.reserved if row.credits_charged is None else row.credits_charged
    assert (row.reserved is not None) is (row.submitting_at is not None)
    if row.state in PAID:
        assert counted is not None
    if row.state is S.REJECTED or row.reserved is None:
        assert not counted
    jobs = [found for found in ledger.jobs() if found.request_key == row.request_key]
    assert [found.job_id for found in jobs] == (
        [row.provider_job_id] if row.state is S.SUBMITTED else []
    )


def test_a_request_comes_to_one_legal_end_whatever_happens_to_it(place: Settings) -> None:
    with Ledger.open(place) as ledger:

        @settings(max_examples=60, deadline=None)
        @given(st.lists(st.sampled_from(list(EVENTS)), max_size=14))
        def holds(events: list[str]) -> None:
            key = f"k{next(numbers)}"
            ledger.add([wanted(key)], NOW)
            end: RequestState | None = None
            for event in (*events, *TO_THE_END, *events):
                before = ledger.request(key)
                assert happen(ledger, event, key).endswith(".")
                after = ledger.request(key)
                check_change(before, after)
                assert end is None or after.state in (end, S.SUBMITTED)
                assert before.submitting_at or after.state is not S.SUBMITTED
                end = after.state if after.state in FINAL else None
            check_stand(ledger, after)
            assert end in FINAL

        holds()


def test_a_job_comes_to_the_first_end_that_is_told_whatever_else_is(place: Settings) -> None:
    reports = st.tuples(st.sampled_from([*JobState, None]), st.integers(-5, 5))
    with Ledger.open(place) as ledger:

        @settings(max_examples=60, deadline=None)
        @given(st.lists(reports, max_size=12), st.sampled_from(["loaded", "archived"]))
        def holds(told: list[tuple[JobState | None, int]], mark: str) -> None:
            key = f"j{next(numbers)}"
            ledgers.submitted(ledger, key)
            name = job(f"job of {key}")
            for state, minutes in told:
                word = state.value if state else "percolating"
                ledger.observe(name, said(state, word), NOW + minutes * MINUTE, next_poll=NOW)
                try:
                    getattr(ledger, f"mark_{mark}")([name], NOW)
                except UserError:
                    assert not ledger.job(name).state.terminal
            found = ledger.job(name)
            states = [state for state, _ in told if state]
            ends = [(state, minutes) for state, minutes in told if state and state.terminal]
            running = JobState.RUNNING if JobState.RUNNING in states else JobState.QUEUED
            assert found.state is (ends[0][0] if ends else running)
            assert found.finished == (NOW + ends[0][1] * MINUTE if ends else None)
            assert (getattr(found, mark) is not None) is bool(ends)
            assert ledger.request(key).state is S.SUBMITTED

        holds()


REPORTS = st.builds(
    JobReport,
    state=st.sampled_from([*JobState, None]),
    raw=st.sampled_from(["queued", "percolating", "complete", "error"]),
    charged=st.none() | st.integers(0, 9),
    failure=st.none() | st.sampled_from(Failure),
    error=st.none() | st.just("the vendor's words"),
    record=st.none() | st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2),
)


def test_a_job_keeps_what_its_end_says_and_what_it_cost_is_its_last_word(place: Settings) -> None:
    with Ledger.open(place) as ledger:

        @settings(max_examples=60, deadline=None)
        @given(st.lists(st.lists(REPORTS, max_size=4), max_size=5), st.none() | st.integers(0, 9))
        def holds(told: list[list[JobReport]], charged: int | None) -> None:
            key = f"c{next(numbers)}"
            ledgers.submitting(ledger, key)
            ledger.mark_submitted(key, f"job of {key}", charged, NOW)
            name = job(f"job of {key}")
            for together in told:
                ledger.observe_all([JobObservation(name, report) for report in together], NOW)
            reports = [report for together in told for report in together]
            ends = [n for n, report in enumerate(reports) if report.state and report.state.terminal]
            heard = reports[: ends[0] + 1] if ends else reports
            last = heard[-1].charged if ends else None
            found = ledger.job(name)
            assert ledger.request(key).credits_charged == (charged if last is None else last)
            assert found.polls == (len(heard) or None)
            assert (found.record, found.error_class, found.error_text) == (
                (heard[-1].record, heard[-1].failure, heard[-1].error) if ends else (None,) * 3
            )

        holds()
