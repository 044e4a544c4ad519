"""Submitting when something breaks in the worst moment: Ctrl-C, a failing ledger, lost answers."""

import random
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.database import LedgerBusy
from genai_orchestration.ledger.requests import WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.url import LedgerUnusable
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import Accepted
from genai_orchestration.submission.post import WRITE_ATTEMPTS as ATTEMPTS
from genai_orchestration_tests.submission.line.broken import broken
from genai_orchestration_tests.support import lines
from genai_orchestration_tests.support.doubles import replace
from genai_orchestration_tests.support.lines import IMAGINE, MAGIC, Time, approve, line


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
