"""How submissions and jobs ended, as the line, the watch and a retry ask; and older ledgers."""

import dataclasses
from datetime import timedelta

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger.budget import ConcurrencyLimitReached, RateLimitExceeded
from genai_orchestration.ledger.ledger import STUCK_AFTER, Ledger
from genai_orchestration.ledger.outcomes import Outcome
from genai_orchestration.ledger.requests import WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.tables import jobs, requests
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, MINUTE, NOW, job, said

ADDED = {"jobs": ("operation", "polls", "error_class", "error_text", "record")}
SECOND = timedelta(seconds=1)


def failed(failure: Failure | None, words: str = "in its words") -> JobReport:
    return JobReport(state=JobState.FAILED, raw="error", failure=failure, error=words)


def test_outcomes_are_the_newest_refusals_lost_answers_and_ends(ledger: Ledger) -> None:
    for minute, key in enumerate(("good", "bad", "odd", "stopped", "running")):
        ledgers.submitted(ledger, key)
        reports = {
            "good": said(JobState.SUCCEEDED, "complete"),
            "bad": failed(Failure.TIMEOUT),
            "odd": failed(None),
            "stopped": said(JobState.CANCELED, "canceled"),
            "running": said(JobState.RUNNING, "rendering"),
        }
        ledger.observe(job(f"job of {key}"), reports[key], NOW + minute * MINUTE)
    ledgers.submitting(ledger, "refused")
    ledger.mark_rejected("refused", Failure.PLAN, "403", NOW + 5 * MINUTE)
    ledgers.submitting(ledger, "lost")
    ledger.mark_unknown("lost", "timed out", NOW + 6 * MINUTE)
    expected = [
        Outcome(NOW + 6 * MINUTE, Failure.AMBIGUOUS),
        Outcome(NOW + 5 * MINUTE, Failure.PLAN),
        Outcome(NOW + 2 * MINUTE, Failure.PROVIDER_FAULT),
        Outcome(NOW + 1 * MINUTE, Failure.TIMEOUT),
        Outcome(NOW, None),
    ]
    assert ledger.outcomes("magic_hour", 10) == expected
    assert ledger.outcomes("magic_hour", 2) == expected[:2]
    assert ledger.outcomes("abyssale", 10) == []


def test_a_lost_answer_that_is_found_is_no_failure_any_more(ledger: Ledger) -> None:
    for key in ("found", "nothing", "released"):
        ledgers.submitting(ledger, key)
        ledger.mark_unknown(key, "timed out", NOW)
    assert len(ledger.outcomes("magic_hour", 10)) == 3
    ledger.mark_submitted("found", "job 1", None, NOW)
    ledger.resolve("nothing", None, NOW)
    ledger.release("released")
    assert ledger.outcomes("magic_hour", 10) == []


def test_durations_are_of_the_newest_successes_of_an_operation(ledger: Ledger) -> None:
    for number, key in enumerate(("first", "second", "third"), 1):
        ledgers.submitted(ledger, key)
        done = said(JobState.SUCCEEDED, "complete")
        ledger.observe(job(f"job of {key}"), done, NOW + number * MINUTE)
    ledgers.submitted(ledger, "other", operation="ai_image_upscaler")
    ledger.observe(job("job of other"), said(JobState.SUCCEEDED, "complete"), NOW + 9 * MINUTE)
    ledgers.submitted(ledger, "bad")
    ledger.observe(job("job of bad"), failed(Failure.TIMEOUT), NOW + 8 * MINUTE)
    assert ledger.durations("magic_hour", "ai_image_generator", 2) == [3 * MINUTE, 2 * MINUTE]
    assert ledger.durations("magic_hour", "ai_image_upscaler", 9) == [9 * MINUTE]
    assert ledger.durations("magic_hour", "images_create", 9) == []


@pytest.mark.parametrize("failure", [Failure.MODERATION, Failure.INVALID])
def test_what_failed_of_its_payload_is_not_tried_again(ledger: Ledger, failure: Failure) -> None:
    ledgers.submitted(ledger, "a")
    ledger.observe(job("job of a"), failed(failure), NOW)
    ledgers.submitting(ledger, "b")
    ledger.mark_rejected("b", failure, "in its words", NOW)
    for key in ("a", "b"):
        with pytest.raises(WrongState) as caught:
            ledger.plan_retry(key, NOW)
        assert str(caught.value) == (
            f"The request {key} failed of what it asks for ({failure.value}: in its words), and "
            "the same would fail again: change it, and plan it under a key of its own."
        )


@pytest.mark.parametrize("failure", [Failure.TIMEOUT, Failure.PROVIDER_FAULT, None])
def test_what_failed_of_something_else_is_tried_again(
    ledger: Ledger, failure: Failure | None
) -> None:
    ledgers.submitted(ledger, "a")
    ledger.observe(job("job of a"), failed(failure), NOW)
    assert ledger.plan_retry("a", NOW) == "a-retry2"


def test_a_stuck_job_is_tried_again_and_a_running_one_is_not(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    with pytest.raises(WrongState, match="The job of the request a is QUEUED and cannot be retri"):
        ledger.plan_retry("a", NOW + STUCK_AFTER)
    assert ledger.plan_retry("a", NOW + STUCK_AFTER + SECOND) == "a-retry2"
    assert ledger.request("a").state is RequestState.SUBMITTED  # it may yet come to its end
    ledger.observe(job("job of a"), said(JobState.SUCCEEDED, "complete"), NOW + 2 * STUCK_AFTER)
    ledgers.submitted(ledger, "b")
    assert ledger.plan_retry("b", NOW + MINUTE, stuck_after=SECOND) == "b-retry2"


def test_a_request_that_was_started_again_is_not_released_by_what_is_known_of_before(
    ledger: Ledger,
) -> None:
    ledgers.submitting(ledger, "a")
    ledger.release("a", started=NOW)
    with pytest.raises(WrongState):
        ledger.release("a", started=NOW)
    ledger.start("a", LOCAL, NOW + MINUTE)
    with pytest.raises(WrongState, match="The request a is submitting and cannot be released"):
        ledger.release("a", started=NOW)
    ledger.release("a", started=NOW + MINUTE)
    assert ledger.request("a").state is RequestState.APPROVED


def test_after_an_outage_one_at_a_time_is_started(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "before")
    ledgers.approved(ledger, "one", "two")
    alone = dataclasses.replace(LOCAL, half_open_since=NOW)
    later = NOW + MINUTE
    ledger.start("one", alone, later)  # what began before the last failure does not count
    for _ in ("on its way", "running"):
        with pytest.raises(
            ConcurrencyLimitReached, match="one request at a time is tried, and one is on its"
        ):
            ledger.start("two", alone, later)
        if ledger.request("one").state is RequestState.SUBMITTING:
            ledger.mark_submitted("one", "job of one", None, later)
    ledger.observe(job("job of one"), said(JobState.SUCCEEDED, "complete"), later)
    ledger.start("two", alone, later)


def test_one_that_is_stuck_does_not_keep_the_next_from_being_tried(ledger: Ledger) -> None:
    ledgers.approved(ledger, "one", "two")
    alone = dataclasses.replace(LOCAL, half_open_since=NOW)
    ledger.start("one", alone, NOW + SECOND)
    ledger.mark_submitted("one", "job of one", None, NOW + SECOND)
    with pytest.raises(ConcurrencyLimitReached):
        ledger.start("two", alone, NOW + timedelta(hours=1))
    ledger.start("two", alone, NOW + timedelta(hours=1, minutes=1))


def test_answers_that_came_while_this_process_waited_count_for_the_ceiling(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    ledgers.approved(ledger, "b")
    limits = dataclasses.replace(LOCAL, posts_per_second=1)
    with pytest.raises(
        RateLimitExceeded
    ):  # its clock was read before the other's answer was written
        ledger.start("b", limits, NOW - SECOND)
    ledger.start("b", limits, NOW + 2 * SECOND)


def test_columns_and_indexes_that_an_older_ledger_lacks_are_added(place: Settings) -> None:
    with Ledger.open(place) as ledger:
        ledgers.submitted(ledger, "a")
    engine = ledgers.engine(place)
    with engine.begin() as connection:
        for index in (*requests.indexes, *jobs.indexes):
            index.drop(connection)
        for name, columns in ADDED.items():
            for column in columns:
                connection.execute(sa.text(f"ALTER TABLE {name} DROP COLUMN {column}"))
    for _ in range(2):
        with Ledger.open(place) as ledger:
            record = ledger.job(job("job of a"))
            assert (record.operation, record.polls, record.record) == (None, None, None)
    with Ledger.open(place) as ledger:
        done = JobReport(state=JobState.SUCCEEDED, raw="complete", record={"id": "x"})
        record = ledger.observe(job("job of a"), done, NOW + MINUTE)
        assert (record.polls, record.record) == (1, {"id": "x"})
    with engine.connect() as connection:
        for made in (requests, jobs):
            found = sa.inspect(connection)
            there = {column["name"] for column in found.get_columns(made.name)}
            assert there == set(made.columns.keys())
            assert {each.name for each in made.indexes} <= {
                each["name"] for each in found.get_indexes(made.name)
            }
    engine.dispose()
