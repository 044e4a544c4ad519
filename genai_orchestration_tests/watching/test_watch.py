"""Following jobs by id: when each is asked after, as pure questions and at the sandbox."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import JobRecord
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.refusals import Unavailable, WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration.watching import watch
from genai_orchestration.watching.watch import (
    PollResult,
    confirm_gone,
    expected_durations,
    next_poll,
    poll,
)
from genai_orchestration_tests.support import ledgers, lines
from genai_orchestration_tests.support.ledgers import LOCAL, MINUTE, NOW, job
from genai_orchestration_tests.support.lines import ABYSSALE, MAGIC, Time

(PROJECTS,) = MAGIC.job_kinds
(GENERATIONS,) = ABYSSALE.job_kinds
SECOND = timedelta(seconds=1)
POLLING = PROJECTS.polling
OPEN = JobReport(state=JobState.RUNNING, raw="rendering")
DONE = JobReport(state=JobState.SUCCEEDED, raw="complete", charged=5, record={"id": "x"})
ages = st.timedeltas(min_value=-MINUTE, max_value=timedelta(days=30))
times = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3))
chances = st.floats(-1, 1)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


@dataclass
class Says:
    """A provider's API for jobs that says what a test wants, and remembers who was asked after."""

    answer: Callable[[str], JobReport] = lambda job_id: OPEN
    asked: list[str] = field(default_factory=list)
    base_url: str = LOCAL.base_url
    key_of: str | None = None

    def account(self) -> str | None:
        return self.key_of

    def report(self, job_id: str) -> JobReport:
        self.asked.append(job_id)
        return self.answer(job_id)


def followed(ledger: Ledger, reader: Says, age: timedelta) -> PollResult:
    """A look at jobs that were submitted NOW, at that age of theirs."""
    return poll(ledger, MAGIC, PROJECTS, reader, NOW + age, seconds=60)


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


@pytest.mark.parametrize("state", [*JobState, None])
@pytest.mark.parametrize("raw", ["not found", "deleted", "gone"])
@pytest.mark.parametrize("before", ["not found", "rendering", None])
@pytest.mark.parametrize("minutes", [9, 10])
def test_what_is_not_there_is_believed_when_that_was_said_before_and_gone_at_once(
    ledger: Ledger, state: JobState | None, raw: str, before: str | None, minutes: int
) -> None:
    ledgers.submitted(ledger, "a")
    if before:
        ledger.observe(job("job of a"), JobReport(state=None, raw=before), NOW)
    report = JobReport(state=state, raw=raw, record={})
    held = confirm_gone(report, ledger.job(job("job of a")), NOW + minutes * MINUTE)
    if state is not JobState.GONE or raw == "gone" or (raw == before and minutes == 10):
        assert held is report
    else:
        assert held == JobReport(state=None, raw=raw)


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


def test_an_end_is_written_down_with_its_record_and_price(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    found = followed(ledger, Says(lambda job_id: DONE), MINUTE)
    assert found == PollResult(asked=1, ended=1)
    record = ledger.job(job("job of a"))
    assert (record.state, record.record) == (JobState.SUCCEEDED, {"id": "x"})
    assert ledger.request("a").credits_charged == 5
    reader = Says()
    followed(ledger, reader, 2 * MINUTE)
    assert reader.asked == []


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


def test_a_job_that_is_not_there_is_asked_after_again_much_later(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    gone = Says(lambda job_id: JobReport(state=JobState.GONE, raw="not found"))
    assert followed(ledger, gone, 20 * MINUTE).open == 1
    assert ledger.job(job("job of a")).raw_status == "not found"
    assert followed(ledger, gone, 29 * MINUTE).asked == 0
    assert followed(ledger, gone, 30 * MINUTE).ended == 1
    assert ledger.job(job("job of a")).state is JobState.GONE


SHORT = JobReport(
    state=JobState.SUCCEEDED,
    raw="complete",
    record={"id": "x"},
    error="Magic Hour gives 1 of 4 pictures.",
    incomplete=True,
)


def test_a_job_that_ended_without_all_of_it_runs_for_some_minutes_more_then_is_over(
    settings: Settings,
) -> None:
    """Each look by a process of its own: what was seen first is in the ledger."""
    with Ledger.open(settings) as ledger:
        ledgers.submitted(ledger, "a")
    seen, ages = Says(lambda job_id: SHORT), []
    age = 10 * MINUTE
    for _ in range(20):
        with Ledger.open(settings) as ledger:
            found = followed(ledger, seen, age)
            record = ledger.job(job("job of a"))
        ages.append(age)
        if found.ended:
            break
        assert (record.state, record.raw_status) == (JobState.RUNNING, "complete")
        assert (record.record, record.error_text) == (None, None)
        assert record.incomplete_since == NOW + 10 * MINUTE
        assert record.next_poll
        age = max(record.next_poll - NOW, age + SECOND)
    assert ages[-1] - ages[0] == watch.COMPLETE_WITHIN
    assert (record.state, record.record) == (JobState.SUCCEEDED, {"id": "x"})
    assert record.error_text == "Magic Hour gives 1 of 4 pictures."


def test_a_job_whose_pictures_come_a_moment_later_is_over_then(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    followed(ledger, Says(lambda job_id: SHORT), MINUTE)
    assert followed(ledger, Says(lambda job_id: DONE), 3 * MINUTE).ended == 1
    record = ledger.job(job("job of a"))
    assert (record.state, record.error_text) == (JobState.SUCCEEDED, None)
    assert record.incomplete_since is None


def test_an_old_job_that_is_first_seen_complete_is_not_left_for_an_hour(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    followed(ledger, Says(lambda job_id: SHORT), timedelta(days=1))
    record = ledger.job(job("job of a"))
    assert record.next_poll == NOW + timedelta(days=1) + watch.COMPLETE_WITHIN


def test_projects_are_followed_at_the_sandbox_to_their_ends(
    ledger: Ledger, sandbox: Sandbox
) -> None:
    time = Time(sandbox)
    lines.approve(ledger, MAGIC, time, "good", "stopped")
    lines.approve(ledger, MAGIC, time, "bad", style={"prompt": "forbidden"})
    lines.line(ledger, MAGIC, time).submit()
    sandbox.providers["magic_hour"].cancel(ledger.request("stopped").provider_job_id)
    questions = 0
    for _ in range(20):
        time.sleep(0.5)
        found = poll(
            ledger, MAGIC, PROJECTS, PROJECTS.connect(SENSOR_POLICY), time.now(), seconds=30
        )
        questions += found.asked
    assert {each.request_key: each.state for each in ledger.jobs()} == {
        "good": JobState.SUCCEEDED,
        "bad": JobState.FAILED,
        "stopped": JobState.CANCELED,
    }
    assert questions <= 3 * 4
    assert ledger.request("bad").credits_charged == 0


@pytest.mark.parametrize("shown", [None, 0, 1])
@pytest.mark.parametrize("seconds", [60, 100_000])
def test_a_project_at_the_sandbox_is_over_when_its_pictures_are_there_or_after_some_minutes(
    ledger: Ledger, sandbox: Sandbox, shown: int | None, seconds: int
) -> None:
    time = Time(sandbox)
    lines.approve(ledger, MAGIC, time, "a", image_count=2)
    lines.line(ledger, MAGIC, time).submit()
    job_id = str(ledger.request("a").provider_job_id)
    sandbox.providers["magic_hour"].withhold(job_id, shown, seconds)
    reader, begun = PROJECTS.connect(SENSOR_POLICY), time.now()
    while not poll(ledger, MAGIC, PROJECTS, reader, time.now(), seconds=30).ended:
        time.sleep(15)
        assert time.now() - begun < timedelta(minutes=10)
    (record,) = ledger.jobs()
    assert record.state is JobState.SUCCEEDED
    taken = time.now() - begun
    if seconds == 60:
        assert record.error_text is None
        assert timedelta(seconds=60) <= taken <= timedelta(seconds=90)
    else:
        assert record.error_text == f"Magic Hour gives {shown or 0} of 2 pictures."
        assert watch.COMPLETE_WITHIN <= taken <= watch.COMPLETE_WITHIN + timedelta(seconds=45)
