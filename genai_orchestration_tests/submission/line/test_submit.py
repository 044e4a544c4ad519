"""Submitting at the sandbox, over real HTTP: what leaves, and what becomes of each answer."""

from datetime import timedelta
from typing import Any

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.requests import LONGEST_POST
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.submission.post import SubmissionResult
from genai_orchestration_tests.support import lines
from genai_orchestration_tests.support.ledgers import LOCAL, wanted
from genai_orchestration_tests.support.lines import (
    ABYSSALE,
    IMAGINE,
    MAGIC,
    Time,
    approve,
    fail,
    line,
)


def states(ledger: Ledger) -> list[str]:
    return [record.state.value for record in ledger.requests()]


@pytest.mark.parametrize("provider", [ABYSSALE, IMAGINE, MAGIC], ids=lambda each: each.name)
def test_what_is_approved_leaves_once_in_the_order_of_planning(
    ledger: Ledger, time: Time, provider: Provider
) -> None:
    for key in ("c", "a", "b"):
        approve(ledger, provider, time, key)
        time.sandbox.clock.advance(1)
    result = line(ledger, provider, time).submit()
    assert result == SubmissionResult(submitted=["c", "a", "b"])
    assert [record.state for record in ledger.requests()] == [RequestState.SUBMITTED] * 3
    assert line(ledger, provider, time).submit() == SubmissionResult()
    assert lines.posts(time.sandbox, provider) == 3
    assert len({job.job_id for job in ledger.jobs()}) == 3


def test_what_nobody_approved_stays(ledger: Ledger, time: Time) -> None:
    ledger.add([wanted("a"), wanted("b")], time.now())
    ledger.approve(["b"], time.now())
    assert line(ledger, MAGIC, time).submit().submitted == ["b"]
    assert states(ledger) == ["planned", "submitted"]


def test_only_the_asked_for_operation_and_campaign_leave(ledger: Ledger, time: Time) -> None:
    approve(ledger, MAGIC, time, "a", campaign="spring")
    approve(ledger, MAGIC, time, "b", campaign="autumn")
    assert line(ledger, MAGIC, time).submit(campaign="spring").submitted == ["a"]
    assert line(ledger, MAGIC, time).submit(operation="ai_image_upscaler") == SubmissionResult()
    assert line(ledger, MAGIC, time).submit("ai_image_generator").submitted == ["b"]


def test_the_answer_and_the_price_are_written_down(ledger: Ledger, time: Time) -> None:
    approve(ledger, MAGIC, time, "a")
    line(ledger, MAGIC, time).submit()
    record = ledger.request("a")
    assert record.answer is not None
    assert record.answer["id"] == record.provider_job_id
    assert (record.reserved, record.credits_charged) == (5, 5)


def test_a_refusal_is_of_one_request_and_the_next_one_leaves(ledger: Ledger, time: Time) -> None:
    approve(ledger, MAGIC, time, "a", image_count=9, model="seedream-v4")
    approve(ledger, MAGIC, time, "b")
    result = line(ledger, MAGIC, time).submit()
    assert (result.rejected, result.submitted, result.reasons) == (["a"], ["b"], {})
    record = ledger.request("a")
    assert (record.error_class, record.credits_charged) == ("invalid", 0)


@pytest.mark.parametrize(("status", "failure"), [(401, Failure.KEY), (402, Failure.OUT_OF_CREDITS)])
def test_a_refusal_of_the_account_stops_the_line(
    ledger: Ledger, time: Time, status: int, failure: Failure
) -> None:
    approve(ledger, MAGIC, time, "a", "b", "c")
    fail(time.sandbox, MAGIC, status=status)
    result = line(ledger, MAGIC, time).submit()
    assert (result.rejected, result.waiting) == (["a"], 2)
    assert list(result.reasons.values()) == [2]
    assert ledger.request("a").error_class == failure.value
    assert lines.posts(time.sandbox, MAGIC) == 1


def test_a_busy_provider_is_waited_for(ledger: Ledger, time: Time) -> None:
    approve(ledger, MAGIC, time, "a")
    fail(time.sandbox, MAGIC, times=2, status=429, retry_after="7.5")
    assert line(ledger, MAGIC, time).submit().submitted == ["a"]
    assert time.slept == [7.5, 7.5]
    assert lines.posts(time.sandbox, MAGIC) == 3


@pytest.mark.parametrize(
    ("asks", "posts", "slept"),
    [
        (None, 3, [1.0, 2.0]),
        ("0", 3, [1.0, 2.0]),  # rounded down by the server
        ("1700", 1, []),
        ("30", 3, [30.0, 30.0]),
    ],
)
def test_a_provider_that_stays_busy_is_left_to_the_scheduler(
    ledger: Ledger, time: Time, asks: str | None, posts: int, slept: list[float]
) -> None:
    approve(ledger, MAGIC, time, "a", "b")
    fail(time.sandbox, MAGIC, times=9, status=429, retry_after=asks)
    result = line(ledger, MAGIC, time).submit()
    assert states(ledger) == ["approved", "approved"]
    assert result.waiting == 2
    assert "Too many requests" in next(iter(result.reasons))
    assert (lines.posts(time.sandbox, MAGIC), time.slept) == (posts, slept)
    assert ledger.usage("magic_hour", time.now()).day == 0  # nothing stays reserved


def test_a_lost_answer_is_looked_up_where_that_can_be_done(ledger: Ledger, time: Time) -> None:
    approve(ledger, IMAGINE, time, "a")
    fail(time.sandbox, IMAGINE, kind="reset")
    assert line(ledger, IMAGINE, time).submit() == SubmissionResult(submitted=["a"])
    record = ledger.request("a")
    assert record.provider_job_id in time.sandbox.providers["imagine_api"].images
    assert (record.error_class, record.error_text) == (None, None)


def test_what_never_arrived_is_sent_again_minutes_later(ledger: Ledger, time: Time) -> None:
    approve(ledger, IMAGINE, time, "a")
    fail(time.sandbox, IMAGINE, status=502)
    assert line(ledger, IMAGINE, time).submit() == SubmissionResult(unknown=["a"])
    assert line(ledger, IMAGINE, time).submit() == SubmissionResult()
    time.sandbox.clock.advance(120)
    assert line(ledger, IMAGINE, time).submit() == SubmissionResult(submitted=["a"])
    assert lines.posts(time.sandbox, IMAGINE) == 2


@pytest.mark.parametrize("provider", [ABYSSALE, MAGIC], ids=lambda each: each.name)
@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"status": 502}, {"kind": "truncate"}])
def test_a_lost_answer_stays_unknown_where_nobody_can_be_asked(
    ledger: Ledger, time: Time, provider: Provider, fault: dict[str, Any]
) -> None:
    approve(ledger, provider, time, "a", "b")
    fail(time.sandbox, provider, **fault)
    assert line(ledger, provider, time).submit() == SubmissionResult(submitted=["b"], unknown=["a"])
    time.sandbox.clock.advance(86_400)
    assert line(ledger, provider, time).submit() == SubmissionResult()
    assert lines.posts(time.sandbox, provider) == 2
    assert ledger.request("a").error_class == "ambiguous"


def test_a_crash_leaves_a_request_that_is_not_sent_again(ledger: Ledger, time: Time) -> None:
    approve(ledger, MAGIC, time, "a", "b")
    ledger.start("a", LOCAL, time.now())
    assert line(ledger, MAGIC, time).submit().submitted == ["b"]
    assert states(ledger) == ["submitting", "submitted"]
    time.sandbox.clock.advance(LONGEST_POST.total_seconds() + 1)
    assert line(ledger, MAGIC, time).submit() == SubmissionResult()
    assert states(ledger) == ["unknown", "submitted"]


def test_three_unclear_answers_stop_the_line_which_rests_and_then_tries_one(
    ledger: Ledger, time: Time
) -> None:
    approve(ledger, MAGIC, time, *"abcdefg")
    fail(time.sandbox, MAGIC, times=4, status=503)
    result = line(ledger, MAGIC, time).submit()
    assert (result.unknown, result.waiting) == (["a", "b", "c"], 4)
    assert "line rests until" in next(iter(result.reasons))
    assert list(result.reasons.values()) == [4]
    time.sandbox.clock.advance(299)
    assert line(ledger, MAGIC, time).submit().waiting == 4
    time.sandbox.clock.advance(1)
    assert line(ledger, MAGIC, time).submit().unknown == ["d"]  # the one that was tried
    time.sandbox.clock.advance(599)
    assert line(ledger, MAGIC, time).submit().waiting == 3
    assert lines.posts(time.sandbox, MAGIC) == 4
    time.sandbox.clock.advance(1)
    first = time.now()
    assert line(ledger, MAGIC, time).submit().submitted == ["e", "f", "g"]
    assert ledger.request("f").submitting_at is not None
    ended = ledger.jobs(states=[JobState.SUCCEEDED])
    assert [job.request_key for job in ended] == ["e"]  # the rest has waited for its end
    assert first < (ledger.request("f").submitting_at or first)


def test_jobs_that_all_fail_stop_the_line(ledger: Ledger, time: Time) -> None:
    approve(ledger, IMAGINE, time, *"abcdef")
    vendor = time.sandbox.providers["imagine_api"]
    one = line(ledger, IMAGINE, time, patience=timedelta(0))
    one.submit()
    for job in ledger.jobs():
        vendor.remove(job.job_id)
        vendor.add([{"id": job.job_id, "outcome": "failed", "seconds": -1}])
    time.sandbox.clock.advance(30)
    result = one.submit()
    assert (result.submitted, result.waiting) == ([], 3)
    assert "failed by its fault or its silence" in next(iter(result.reasons))


def test_what_the_provider_cannot_be_asked_for_is_told_and_not_sent(
    ledger: Ledger, time: Time
) -> None:
    ledger.add([wanted("odd", operation="video_generator")], time.now())
    ledger.approve(["odd"], time.now())
    approve(ledger, MAGIC, time, "a")
    result = line(ledger, MAGIC, time).submit()
    assert (result.submitted, result.waiting) == (["a"], 1)
    assert "Magic Hour has no operation 'video_generator' in" in next(iter(result.reasons))
    assert lines.posts(time.sandbox, MAGIC) == 1
