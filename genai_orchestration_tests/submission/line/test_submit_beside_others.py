"""Submitting beside others who submit as well, or who decide while this process sleeps."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.submission.post import SubmissionResult
from genai_orchestration.submission.submit import SubmissionRun
from genai_orchestration_tests.submission.line.broken import broken
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
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
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
