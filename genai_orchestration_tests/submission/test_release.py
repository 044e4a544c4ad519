"""When approved requests get a run of their own: each line of the drawing in `release.py`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from genai_orchestration.ledger.outcomes import Outcome as End
from genai_orchestration.providers.states import Failure
from genai_orchestration.submission.release import (
    ACCOUNT_REST,
    Decision,
    QueueStatus,
    RequestedRun,
    decide,
    refused_by_account,
)
from genai_orchestration.watching.day_watch import RED_AFTER, RunOutcome, delay
from genai_orchestration_tests.support.ledgers import NOW

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
ASKED = RequestedRun(seq=3, at=NOW, waiting=5, attempt=2)
AGAIN = NOW + HOUR  # of this look
FIRST = RequestedRun(seq=4, at=AGAIN, waiting=5)
FIVE = QueueStatus(approved=5, newest=NOW)
MISSING, ACTIVE = RunOutcome("missing"), RunOutcome("active")
FAILED, SUCCEEDED = RunOutcome("failed", NOW, "429"), RunOutcome("succeeded", NOW)


@pytest.mark.parametrize(
    ("asked", "outcome", "stand", "decision"),
    [
        (None, MISSING, QueueStatus(), Decision(asked=None)),
        (None, MISSING, FIVE, Decision(asked=FIRST, run=True)),
        (ASKED, ACTIVE, FIVE, Decision(asked=ASKED, reason="are being submitted")),
        (ASKED, ACTIVE, QueueStatus(), Decision(asked=ASKED, reason="are being submitted")),
        (ASKED, FAILED, QueueStatus(), Decision(asked=None)),
        (ASKED, SUCCEEDED, QueueStatus(), Decision(asked=None)),
        (ASKED, MISSING, FIVE, Decision(asked=ASKED, run=True)),
        # newly approved since it was asked for: the first attempt of another run
        (ASKED, SUCCEEDED, replace(FIVE, newest=NOW + SECOND), Decision(asked=FIRST, run=True)),
        (ASKED, SUCCEEDED, replace(FIVE, newest=None), Decision(asked=FIRST, run=True)),
        # it succeeded, and has left some of them: progress begins with the first attempt again
        (
            ASKED,
            SUCCEEDED,
            replace(FIVE, approved=4),
            Decision(asked=replace(FIRST, waiting=4), run=True),
        ),
        (ASKED, SUCCEEDED, FIVE, Decision(asked=replace(FIRST, attempt=3), run=True)),
        (ASKED, FAILED, FIVE, Decision(asked=replace(FIRST, attempt=3), run=True)),
        (
            ASKED,
            FAILED,
            replace(FIVE, approved=4),
            Decision(asked=replace(FIRST, attempt=3, waiting=4), run=True),
        ),
        # what is newly approved does not end the rest after a failure
        (
            ASKED,
            FAILED,
            replace(FIVE, newest=NOW + SECOND),
            Decision(asked=replace(FIRST, attempt=3), run=True),
        ),
    ],
)
def test_a_look_an_hour_later_decides(
    asked: RequestedRun | None, outcome: RunOutcome, stand: QueueStatus, decision: Decision
) -> None:
    assert decide(asked, outcome, stand, 4, AGAIN) == decision


@pytest.mark.parametrize("outcome", [FAILED, SUCCEEDED])
def test_a_run_rests_from_its_end_until_its_delay_has_passed(outcome: RunOutcome) -> None:
    ended = replace(outcome, ended=NOW + HOUR)
    until = NOW + HOUR + delay(ASKED.attempt)
    resting = decide(ASKED, ended, FIVE, 4, until - SECOND)
    assert (resting.run, resting.asked) == (False, ASKED)
    assert f"{until:%H:%M:%S} UTC" in resting.reason
    assert decide(ASKED, ended, FIVE, 4, until).run


def test_a_run_whose_end_nobody_knows_rests_from_when_it_was_asked_for() -> None:
    unended = RunOutcome("failed")
    assert not decide(ASKED, unended, FIVE, 4, NOW + delay(2) - SECOND).run
    assert decide(ASKED, unended, FIVE, 4, NOW + delay(2)).run


@pytest.mark.parametrize(("attempt", "red"), [(RED_AFTER - 1, False), (RED_AFTER, True)])
def test_it_is_red_after_five_failures_and_never_for_a_run_that_succeeded(
    attempt: int, red: bool
) -> None:
    asked = replace(ASKED, attempt=attempt)
    assert decide(asked, FAILED, FIVE, 4, NOW).failed is red
    assert not decide(asked, SUCCEEDED, FIVE, 4, NOW).failed


@pytest.mark.parametrize("failure", Failure)
def test_only_a_refusal_of_the_account_rests_all_requests_and_for_an_hour(failure: Failure) -> None:
    newest = [End(NOW, failure), End(NOW - HOUR, Failure.KEY)]
    of_all = failure in (Failure.KEY, Failure.OUT_OF_CREDITS, Failure.SUBSCRIPTION)
    words = refused_by_account("Magic Hour", newest, NOW + ACCOUNT_REST - SECOND)
    assert bool(words) is of_all
    assert refused_by_account("Magic Hour", newest, NOW + ACCOUNT_REST) is None


def test_a_success_since_then_or_nothing_at_all_rests_nothing() -> None:
    assert refused_by_account("Magic Hour", [], NOW) is None
    assert refused_by_account("Magic Hour", [End(NOW, None), End(NOW, Failure.KEY)], NOW) is None
