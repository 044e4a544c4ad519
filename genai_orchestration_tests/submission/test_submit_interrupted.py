"""Submitting when something breaks in the worst moment, and beside others who submit as well."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.database import LedgerBusy
from genai_orchestration.ledger.requests import WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.url import LedgerUnusable
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import Accepted, JobReport, Payload, Submitter
from genai_orchestration.settings import Settings
from genai_orchestration.submission.post import WRITE_ATTEMPTS as ATTEMPTS
from genai_orchestration.submission.post import SubmissionResult
from genai_orchestration.submission.submit import SubmissionRun
from genai_orchestration_tests.support import lines
from genai_orchestration_tests.support.doubles import replace
from genai_orchestration_tests.support.ledgers import LOCAL
from genai_orchestration_tests.support.lines import ABYSSALE, IMAGINE, MAGIC, Time, approve, line

OPEN = (JobState.QUEUED, JobState.RUNNING)
DONE = JobReport(state=JobState.SUCCEEDED, raw="completed")
SUBMIT = """
from genai_orchestration.ledger import Ledger
from genai_orchestration.submission.submit import SubmissionRun
from genai_orchestration.providers.{name} import PROVIDER
from genai_orchestration.settings import Settings

with Ledger.open(Settings.load()) as ledger:
    run = SubmissionRun(ledger=ledger, provider=PROVIDER, submitter=PROVIDER.submitter())
    result = run.submit()
    assert not (result.unknown or result.rejected), result
    print(*result.submitted)
"""


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


@pytest.fixture
def time(sandbox: Sandbox) -> Time:
    return Time(sandbox)


@dataclass
class Broken:
    """A submitter that does something else before or after it submits."""

    real: Submitter
    before: Any = lambda: None
    after: Any = lambda: None
    base_url: str = "http://127.0.0.1"
    sent: list[str] = field(default_factory=list)

    def account(self) -> str | None:
        return self.real.account()

    def submit(self, operation: str, payload: Payload, request_key: str) -> Accepted:
        self.before()
        accepted = self.real.submit(operation, payload, request_key)
        self.sent.append(accepted.job_id)
        self.after()
        return accepted

    def find(self, request_key: str, payload: Payload) -> Sequence[str] | None:
        return self.real.find(request_key, payload)

    def balance(self) -> int | None:
        return self.real.balance()


def broken(**how: Any) -> Broken:
    assert MAGIC.submitter
    return Broken(MAGIC.submitter(), **how)


def interrupt() -> None:
    raise KeyboardInterrupt


class Failing(Ledger):
    """A ledger whose next words on an answer cannot be written, for a number of times."""

    failures: list[BaseException]

    def mark_submitted(self, *values: Any, **more: Any) -> None:
        if self.failures:
            raise self.failures.pop()
        super().mark_submitted(*values, **more)


def failing(ledger: Ledger, *failures: BaseException) -> Failing:
    weak = Failing(ledger._database)
    weak.failures = list(failures)
    return weak


@pytest.mark.parametrize("moment", ["before", "after"])
def test_ctrl_c_in_the_post_leaves_it_unknown(ledger: Ledger, time: Time, moment: str) -> None:
    approve(ledger, MAGIC, time, "a", "b")
    with pytest.raises(KeyboardInterrupt):
        line(ledger, MAGIC, time, submitter=broken(**{moment: interrupt})).submit()
    record = ledger.request("a")
    assert (record.state, record.error_text) == (
        RequestState.UNKNOWN,
        "the submission was interrupted",
    )
    assert ledger.request("b").state is RequestState.APPROVED


def test_ctrl_c_while_the_answer_is_written_is_obeyed_after_it(
    ledger: Ledger, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    approve(ledger, MAGIC, time, "a", "b")
    with pytest.raises(KeyboardInterrupt):
        line(failing(ledger, KeyboardInterrupt()), MAGIC, time).submit()
    record = ledger.request("a")
    assert record.state is RequestState.SUBMITTED
    assert f"made the job {record.provider_job_id}" in caplog.text
    assert lines.posts(time.sandbox, MAGIC) == 1


def test_a_busy_ledger_is_waited_for_with_the_answer_in_hand(ledger: Ledger, time: Time) -> None:
    approve(ledger, MAGIC, time, "a")
    weak = failing(ledger, LedgerUnusable("disk I/O error"), LedgerBusy("it is in use"))
    assert line(weak, MAGIC, time).submit().submitted == ["a"]
    assert time.slept == [1.0, 2.0]
    assert lines.posts(time.sandbox, MAGIC) == 1


def test_a_ledger_that_stays_unwritable_does_not_lose_the_job(
    ledger: Ledger, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    approve(ledger, MAGIC, time, "a", "b")
    submitter = broken()
    weak = failing(ledger, *[LedgerUnusable("The disk is full.")] * ATTEMPTS)
    with pytest.raises(LedgerUnusable) as caught:
        line(weak, MAGIC, time, submitter=submitter).submit()
    (job_id,) = submitter.sent
    assert str(caught.value) == (
        f"The disk is full. Magic Hour has made the job {job_id} of the request a: once the ledger "
        "works, and 10 minutes have made the request unknown, run genai requests resolve a --job "
        f"{job_id}."
    )
    assert caplog.text.count(job_id) >= ATTEMPTS
    assert ledger.request("a").state is RequestState.SUBMITTING


def test_an_answer_that_comes_too_late_is_believed(ledger: Ledger, time: Time) -> None:
    """A person has given up on the request while its POST was on its way."""
    approve(ledger, MAGIC, time, "a")

    def give_up() -> None:
        ledger.mark_unknown("a", "given up", time.now())
        ledger.resolve("a", None, time.now())

    submitter = broken(after=give_up)
    assert line(ledger, MAGIC, time, submitter=submitter).submit().submitted == ["a"]
    assert ledger.request("a").provider_job_id == submitter.sent[0]


def test_an_answer_to_what_was_refused_meanwhile_tells_how_to_write_it_down(
    ledger: Ledger, time: Time
) -> None:
    approve(ledger, MAGIC, time, "a")

    def refuse() -> None:
        ledger.mark_rejected("a", Failure.KEY, "401", time.now())

    submitter = broken(after=refuse)
    with pytest.raises(WrongState) as caught:
        line(ledger, MAGIC, time, submitter=submitter).submit()
    (job_id,) = submitter.sent
    assert f"made the job {job_id} of the request a, which was not writ" in str(caught.value)
    assert f"run genai requests resolve a --job {job_id}." in str(caught.value)
    assert "retry" not in str(caught.value)


def test_a_process_that_slept_before_its_post_does_not_send_what_others_have(
    ledger: Ledger, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process gives the request up, and a person retries it, before this one wakes up."""
    approve(ledger, MAGIC, time, "a")
    start = ledger.start

    def sleep(*values: Any) -> Any:
        started = start(*values)
        time.sandbox.clock.advance(3600)
        ledger.mark_orphans_unknown(time.now())
        ledger.resolve("a", None, time.now())
        return started

    replace(monkeypatch, ledger, "start", sleep)
    submitter = broken()
    line(ledger, MAGIC, time, submitter=submitter).submit()
    assert (submitter.sent, ledger.request("a").state) == ([], RequestState.ABANDONED)


def test_what_slept_and_is_still_ours_leaves_once(
    ledger: Ledger, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(ledger, MAGIC, time, "a")
    start, naps = ledger.start, [61.0]

    def sleep(*values: Any) -> Any:
        started = start(*values)
        if naps:
            time.sandbox.clock.advance(naps.pop())
        return started

    replace(monkeypatch, ledger, "start", sleep)
    assert line(ledger, MAGIC, time).submit().submitted == ["a"]
    assert lines.posts(time.sandbox, MAGIC) == 1


@pytest.mark.parametrize("odd", ["x" * 201, "cm\x1b[2J", "cm\ud800", ""])
def test_an_id_that_is_none_leaves_the_request_unknown(
    ledger: Ledger, time: Time, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(ledger, MAGIC, time, "a")
    submitter = broken()
    answer = Accepted(job_id=odd, charged=5, answer={})
    replace(monkeypatch, submitter, "submit", lambda *values: answer)
    assert line(ledger, MAGIC, time, submitter=submitter).submit().unknown == ["a"]
    text = ledger.request("a").error_text
    assert text == f"the answer names its job by what is no id: {odd[:200]!a}"


def test_a_ledger_that_fails_unforeseen_tells_the_job_and_no_sql(
    ledger: Ledger, time: Time
) -> None:
    approve(ledger, MAGIC, time, "a")
    submitter = broken()
    error = sa.exc.DataError("INSERT INTO jobs", {"answer": "SECRET"}, Exception("SECRET"))
    weak = failing(ledger, *[error] * ATTEMPTS)
    with pytest.raises(LedgerUnusable) as caught:
        line(weak, MAGIC, time, submitter=submitter).submit()
    assert str(caught.value).startswith(
        "The ledger failed, for a reason that nobody foresaw. Magic Hour has made"
    )
    assert f"genai requests resolve a --job {submitter.sent[0]}." in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_a_request_that_another_process_has_taken_is_left_to_it(ledger: Ledger, time: Time) -> None:
    approve(ledger, MAGIC, time, "a", "b", "c")

    def take() -> None:
        if ledger.request("b").state is RequestState.APPROVED:
            ledger.start("b", LOCAL, time.now())

    result = line(ledger, MAGIC, time, submitter=broken(before=take)).submit()
    assert result == SubmissionResult(submitted=["a", "c"])
    assert ledger.request("b").state is RequestState.SUBMITTING


def test_a_busy_answer_of_a_post_that_is_not_ours_any_more_releases_nothing(
    ledger: Ledger, time: Time
) -> None:
    approve(ledger, MAGIC, time, "a")
    lines.fail(time.sandbox, MAGIC, status=429, retry_after="1700")

    def overtake() -> None:
        ledger.release("a")
        ledger.start("a", LOCAL, _later(time.now()))

    result = line(ledger, MAGIC, time, submitter=broken(before=overtake)).submit()
    assert "Too many requests" in next(iter(result.reasons))
    assert ledger.request("a").state is RequestState.SUBMITTING


@pytest.mark.parametrize("status", [402, 429])
def test_a_no_that_cannot_be_written_at_once_is_written_later(
    ledger: Ledger, time: Time, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(ledger, MAGIC, time, "a")
    lines.fail(time.sandbox, MAGIC, status=status, retry_after="1700")
    name = "mark_rejected" if status == 402 else "release"
    real, busy = getattr(ledger, name), [LedgerBusy("it is in use")] * 2

    def write(*values: Any, **more: Any) -> None:
        if busy:
            raise busy.pop()
        real(*values, **more)

    replace(monkeypatch, ledger, name, write)
    line(ledger, MAGIC, time).submit()
    state = RequestState.REJECTED if status == 402 else RequestState.APPROVED
    assert ledger.request("a").state is state
    assert lines.posts(time.sandbox, MAGIC) == 1


def test_a_hundred_answers_lost_in_every_way_make_no_picture_twice(
    ledger: Ledger, time: Time
) -> None:
    keys = [f"k{number:03}" for number in range(100)]
    approve(ledger, IMAGINE, time, *keys)
    chance = random.Random(7)
    lost: list[dict[str, Any]] = [
        {"kind": "reset"},
        {"kind": "truncate"},
        {"status": 502, "after_work": True},
        {"status": 502},
        {"status": 429, "retry_after": "0.5"},
    ]
    for _ in range(60):  # passes
        for _ in range(chance.randint(0, 3)):
            lines.fail(time.sandbox, IMAGINE, **chance.choice(lost))
        line(ledger, IMAGINE, time, patience=timedelta(seconds=10)).submit()
        time.sandbox.clock.advance(chance.choice([1, 60, 3600]))
    images = time.sandbox.providers["imagine_api"].images.values()
    made = [image.ref for image in images if image.ref in keys]
    assert sorted(made) == keys
    assert ledger.counts() == {RequestState.SUBMITTED: len(keys)}


def test_eight_threads_are_never_above_the_ceiling(ledger: Ledger, time: Time) -> None:
    keys = [f"k{number}" for number in range(40)]
    approve(ledger, ABYSSALE, time, *keys)
    passes = [_real(ledger) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda one: one.submit().submitted, passes))
    assert sorted(chain.from_iterable(done)) == sorted(keys)
    vendor = time.sandbox.providers["abyssale"]
    assert vendor.accepted == len(keys)
    assert vendor.gateway_peak <= 10


@pytest.mark.parametrize("provider", [ABYSSALE, IMAGINE], ids=lambda each: each.name)
def test_processes_share_ceiling_and_places(ledger: Ledger, time: Time, provider: Provider) -> None:
    keys = [f"k{number}" for number in range(30 if provider is ABYSSALE else 6)]
    approve(ledger, provider, time, *keys)
    vendor = time.sandbox.providers[provider.name]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-W", "error", "-c", SUBMIT.format(name=provider.name)]
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    while any(each.poll() is None for each in started):
        open_ = ledger.jobs(provider=IMAGINE.name, states=OPEN)
        assert len(open_) <= 3
        for job in open_:  # as another process would see them end
            ledger.observe(job.key, DONE, time.now())
    done = [each.communicate(timeout=60)[0].split() for each in started]
    assert [each.returncode for each in started] == [0] * 4
    assert sorted(chain.from_iterable(done)) == sorted(keys)
    assert lines.posts(time.sandbox, provider) == len(keys)
    if provider is ABYSSALE:
        assert vendor.gateway_peak <= 10


def _real(ledger: Ledger) -> SubmissionRun:
    """A line in real time."""
    assert ABYSSALE.submitter
    return SubmissionRun(ledger=ledger, provider=ABYSSALE, submitter=ABYSSALE.submitter())


def _later(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond + 1)
