"""When a job is asked after: its rests, what is usual, what is late, and in trouble."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import JobRecord
from genai_orchestration.providers.refusals import Unavailable, WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.watching import watch
from genai_orchestration.watching.watch import expected_durations, next_poll, poll
from genai_orchestration_tests.support import ledgers, lines
from genai_orchestration_tests.support.job_reader import Says
from genai_orchestration_tests.support.ledgers import MINUTE, NOW, job
from genai_orchestration_tests.support.lines import ABYSSALE, MAGIC, Time
from genai_orchestration_tests.watching import following
from genai_orchestration_tests.watching.following import DONE, POLLING, PROJECTS, SECOND, followed

ledger = following.ledger

(GENERATIONS,) = ABYSSALE.job_kinds
ages = st.timedeltas(min_value=-MINUTE, max_value=timedelta(days=30))
times = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3))
chances = st.floats(-1, 1)


@given(age=ages, expected=times, chance=chances)
def test_a_rest_is_never_short_or_long_or_much_more_than_its_share_of_the_age(
    age: timedelta, expected: timedelta, chance: float
) -> None:
    rest = next_poll(age, expected, POLLING, NOW, chance) - NOW
    assert rest >= 0.9 * POLLING.shortest
    if age >= POLLING.deadline:
        assert rest >= 0.9 * POLLING.stuck_interval
    else:
        assert rest <= 1.1 * (POLLING.ceiling + MINUTE)
        if age >= expected * watch.FIRST:
            assert rest <= 1.1 * max(age * watch.SHARE, POLLING.shortest)


@given(age=ages, chance=chances)
def test_two_jobs_of_one_age_are_not_asked_after_together(age: timedelta, chance: float) -> None:
    middle = next_poll(age, SECOND, POLLING, NOW, 0) - NOW
    rest = next_poll(age, SECOND, POLLING, NOW, chance) - NOW
    assert rest == middle * (1 + 0.1 * chance)


@pytest.mark.parametrize("duration", [5, 22, 60, 300, 1500])
@pytest.mark.parametrize("chance", [-1, 0, 1])
def test_an_end_is_noticed_within_a_tenth_of_the_age_by_few_questions(
    duration: int, chance: float
) -> None:
    expected = timedelta(seconds=22)
    age, asked = expected * watch.FIRST, 1
    while age < timedelta(seconds=duration):
        age += next_poll(age, expected, POLLING, NOW, chance) - NOW
        asked += 1
    late = age.total_seconds() - duration
    assert late <= max(0.08 * duration, 0.6, (expected * watch.FIRST).total_seconds() - duration)
    assert asked <= duration / 0.5 / 5 + 3  # a fifth of what a look each half second would be
    assert asked <= 80


def test_a_job_is_first_asked_after_shortly_before_its_usual_time(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    reader = Says()
    found = followed(ledger, reader, timedelta(seconds=3.9))  # usual: 5 s
    assert (found.asked, found.open, reader.asked) == (0, 1, [])
    found = followed(ledger, reader, timedelta(seconds=4))
    assert (found.asked, found.ended, found.open) == (1, 0, 1)
    record = ledger.job(job("job of a"))
    assert record.next_poll is not None
    rest = record.next_poll - (NOW + 4 * SECOND)
    assert 0.9 * POLLING.shortest <= rest <= 1.1 * POLLING.shortest


def test_a_usual_time_is_learnt_from_what_succeeded(ledger: Ledger) -> None:
    assert expected_durations(ledger, MAGIC, PROJECTS) == {
        "ai_image_generator": 5 * SECOND,
        "ai_image_upscaler": 22 * SECOND,
    }
    for number, seconds in enumerate((30, 40, 600)):
        ledgers.submitted(ledger, f"k{number}")
        ledger.observe(job(f"job of k{number}"), DONE, NOW + timedelta(seconds=seconds))
    failed = JobReport(state=JobState.FAILED, raw="error", failure=Failure.TIMEOUT)
    ledgers.submitted(ledger, "bad")
    ledger.observe(job("job of bad"), failed, NOW + SECOND)
    assert expected_durations(ledger, MAGIC, PROJECTS)["ai_image_generator"] == 40 * SECOND
    ledgers.submitted(ledger, "new")
    reader = Says()
    followed(ledger, reader, 31 * SECOND)
    assert reader.asked == []
    followed(ledger, reader, 32 * SECOND)
    assert reader.asked == ["job of new"]


def test_what_was_learnt_while_nobody_looked_does_not_keep_jobs_waiting(ledger: Ledger) -> None:
    for number in range(3):
        ledgers.submitted(ledger, f"k{number}")
        ledger.observe(job(f"job of k{number}"), DONE, NOW + timedelta(days=3))
    ledgers.submitted(ledger, "new")
    reader = Says()
    followed(ledger, reader, POLLING.ceiling)
    assert reader.asked == ["job of new"]


def test_a_job_that_is_open_for_too_long_is_stuck_and_asked_after_rarely(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    found = followed(ledger, Says(), POLLING.deadline)
    assert [each.job_id for each in found.stuck] == ["job of a"]
    record = ledger.job(job("job of a"))
    assert record.next_poll is not None
    assert record.next_poll - NOW >= POLLING.deadline + 0.9 * POLLING.stuck_interval


def test_a_job_that_is_soon_forgotten_is_announced_the_day_before(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    time = Time(sandbox)
    lines.approve(ledger, ABYSSALE, time, "a")
    lines.line(ledger, ABYSSALE, time).submit()
    reader = Says()

    def expiring(after: timedelta) -> tuple[JobRecord, ...]:
        now = time.now() + after
        return poll(ledger, ABYSSALE, GENERATIONS, reader, now, seconds=60).expiring

    assert expiring(timedelta(days=6) - MINUTE) == ()
    assert [each.request_key for each in expiring(timedelta(days=6))] == ["a"]


def test_a_job_that_nobody_can_read_does_not_keep_the_others_waiting(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    for number in range(20):
        ledgers.submitted(ledger, f"k{number}")

    def odd(job_id: str) -> JobReport:
        if job_id == "job of a":
            raise WrongSetting("the id is no id")
        if job_id == "job of k7":
            raise AttributeError("'str' object has no attribute 'get'")
        return DONE

    found = followed(ledger, Says(odd), MINUTE)
    assert (found.ended, found.open) == (19, 2)
    assert "the id is no id" in found.trouble or "k7 cannot be read" in found.trouble
    reader = Says(odd)
    assert followed(ledger, reader, MINUTE + SECOND).trouble == ""
    assert reader.asked == []  # they wait as long as the others would
    assert ledger.job(job("job of a")).state is JobState.QUEUED
    assert ledger.job(job("job of a")).polls == 1


def test_a_provider_that_is_down_is_left_alone_and_no_job_ends(ledger: Ledger) -> None:
    for number in range(100):
        ledgers.submitted(ledger, f"k{number}")

    def down(job_id: str) -> JobReport:
        raise Unavailable("Magic Hour does not answer.")

    reader = Says(down)
    found = followed(ledger, reader, MINUTE)
    assert found.trouble == "Magic Hour does not answer."
    assert (found.ended, found.open) == (0, 100)
    assert watch.TROUBLES <= len(reader.asked) <= watch.TROUBLES + watch.THREADS


def test_when_the_time_is_over_the_rest_is_asked_after_next_time(ledger: Ledger) -> None:
    keys = [f"k{number}" for number in range(3 * watch.REPORTS_PER_TRANSACTION)]
    ledgers.approved(ledger, *keys)
    for key in keys:
        ledger.start(key, ledgers.LOCAL, NOW)
        ledger.mark_submitted(key, f"job of {key}", None, NOW)
    ticks = iter(range(10_000))
    reader = Says()
    found = poll(
        *(ledger, MAGIC, PROJECTS, reader, NOW + MINUTE),
        seconds=watch.REPORTS_PER_TRANSACTION + 10,
        clock=lambda: float(next(ticks)),
    )
    assert watch.REPORTS_PER_TRANSACTION <= found.asked < 2 * watch.REPORTS_PER_TRANSACTION
    asked = set(reader.asked)
    reader.asked.clear()
    followed(ledger, reader, MINUTE + SECOND)
    assert set(reader.asked) == {f"job of {key}" for key in keys} - asked
