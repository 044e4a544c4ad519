"""What is written down of jobs: reports in any order, what is due, what is loaded and archived."""

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.jobs import UnknownJob
from genai_orchestration.ledger.requests import WrongState
from genai_orchestration.providers.states import JobState
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import MINUTE, NOW, job, said

A = job("job of a")
ENDS = [state for state in JobState if state.terminal]


def test_a_job_is_followed_until_it_ends(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    running = ledger.observe(A, said(JobState.RUNNING, "rendering"), NOW, next_poll=NOW + MINUTE)
    assert (running.state, running.raw_status) == (JobState.RUNNING, "rendering")
    assert (running.last_polled, running.next_poll) == (NOW, NOW + MINUTE)
    done = ledger.observe(
        A, said(JobState.SUCCEEDED, "complete"), NOW + MINUTE, next_poll=NOW + MINUTE
    )
    assert (done.state, done.raw_status) == (JobState.SUCCEEDED, "complete")
    assert (done.finished, done.next_poll) == (NOW + MINUTE, None)
    assert ledger.job(A) == done
    assert done.key == A


@pytest.mark.parametrize("end", ENDS)
def test_a_terminal_state_never_changes(ledger: Ledger, end: JobState) -> None:
    ledgers.submitted(ledger, "a")
    done = ledger.observe(A, said(end, "over"), NOW)
    for late in (*JobState, None):
        assert ledger.observe(A, said(late, "late"), NOW + MINUTE, next_poll=NOW + MINUTE) == done
    assert ledger.job(A) == done


def test_a_word_that_nobody_knows_is_kept_and_the_job_is_still_open(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    ledger.observe(A, said(JobState.RUNNING, "rendering"), NOW)
    odd = ledger.observe(A, said(None, "perco\0lating"), NOW + MINUTE, next_poll=NOW + 2 * MINUTE)
    assert (odd.state, odd.raw_status) == (JobState.RUNNING, "percolating")
    assert (odd.next_poll, odd.finished) == (NOW + 2 * MINUTE, None)


def test_a_report_that_was_overtaken_takes_nothing_back(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    ledger.observe(A, said(JobState.RUNNING, "rendering"), NOW + MINUTE)
    late = ledger.observe(A, said(JobState.QUEUED, "queued"), NOW)
    assert (late.state, late.raw_status) == (JobState.RUNNING, "rendering")
    assert late.last_polled == NOW + MINUTE


def test_the_jobs_that_are_due_are_the_open_ones_whose_time_has_come(ledger: Ledger) -> None:
    for key in ("now", "later", "over", "any"):
        ledgers.submitted(ledger, key)
    ledger.observe(job("job of later"), said(None, "percolating"), NOW, next_poll=NOW + MINUTE)
    ledger.observe(job("job of over"), said(JobState.GONE, "404"), NOW, next_poll=NOW)
    ledger.observe(job("job of any"), said(JobState.RUNNING, "rendering"), NOW)
    due = [found.request_key for found in ledger.jobs(due=NOW)]
    assert due == ["any", "now"]
    assert [found.request_key for found in ledger.jobs(due=NOW, limit=1)] == ["any"]
    assert len(ledger.jobs(due=NOW + MINUTE)) == 3


def test_finished_jobs_are_marked_once(ledger: Ledger) -> None:
    for key in ("a", "b"):
        ledgers.submitted(ledger, key)
        ledger.observe(job(f"job of {key}"), said(JobState.SUCCEEDED, "complete"), NOW)
    ledger.mark_loaded([A], NOW + MINUTE)
    ledger.mark_loaded([A, job("job of b")], NOW + 2 * MINUTE)
    ledger.mark_archived([A], NOW + 3 * MINUTE)
    assert [found.loaded for found in ledger.jobs()] == [NOW + MINUTE, NOW + 2 * MINUTE]
    assert ledger.job(A).archived == NOW + 3 * MINUTE
    assert [found.request_key for found in ledger.jobs(archived=False)] == ["b"]
    assert [found.request_key for found in ledger.jobs(archived=True, loaded=True)] == ["a"]
    assert ledger.jobs(loaded=False) == []
    assert len(ledger.jobs(states=[JobState.SUCCEEDED])) == 2


def test_an_open_job_is_neither_loaded_nor_archived(ledger: Ledger) -> None:
    for key in ("a", "b"):
        ledgers.submitted(ledger, key)
    ledger.observe(job("job of b"), said(JobState.SUCCEEDED, "complete"), NOW)
    for mark in (ledger.mark_loaded, ledger.mark_archived):
        with pytest.raises(WrongState, match="image_project job of a is QUEUED and cannot be"):
            mark([job("job of b"), A], NOW)
    assert len(ledger.jobs(loaded=False, archived=False)) == 2  # all of the call, or nothing


def test_a_job_of_somebody_else_is_told_apart(ledger: Ledger) -> None:
    message = "The ledger has no image_project nobody of magic_hour"
    with pytest.raises(UnknownJob, match=message):
        ledger.observe(job("nobody"), said(JobState.RUNNING, "rendering"), NOW)
    with pytest.raises(UnknownJob, match=message):
        ledger.job(job("nobody"))
    with pytest.raises(UnknownJob, match=message):
        ledger.mark_loaded([job("nobody")], NOW)
