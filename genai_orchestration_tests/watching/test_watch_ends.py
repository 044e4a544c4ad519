"""When a job that is followed is over: what is believed, what is waited for, at the sandbox too."""

from datetime import timedelta

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration.watching import watch
from genai_orchestration.watching.watch import PollResult, confirm_gone, poll
from genai_orchestration_tests.support import ledgers, lines
from genai_orchestration_tests.support.job_reader import Says
from genai_orchestration_tests.support.ledgers import MINUTE, NOW, job
from genai_orchestration_tests.support.lines import MAGIC, Time
from genai_orchestration_tests.watching import following
from genai_orchestration_tests.watching.following import DONE, PROJECTS, SECOND, followed

ledger = following.ledger


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
    # the last poll but one may have been less than a second before the end
    assert watch.COMPLETE_WITHIN <= ages[-1] - ages[0] < watch.COMPLETE_WITHIN + SECOND
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
