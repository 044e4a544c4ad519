"""A ledger whose file is replaced while it is open, and reports that cannot be written."""

import math
import os
import shutil

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import JobObservation
from genai_orchestration.ledger.url import LedgerUnusable
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import NOW, job, said, wanted

DONE = JobReport(state=JobState.SUCCEEDED, raw="complete", charged=5, record={"id": "x"})


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_nothing_is_written_to_a_ledger_that_was_replaced(settings: Settings, how: str) -> None:
    with Ledger.open(settings) as ledger:
        ledgers.approved(ledger, "a")
        copy = settings.ledger.with_name("restored.db")
        shutil.copy(settings.ledger, copy)
        if how == "replaced":
            os.replace(copy, settings.ledger)
        else:
            settings.ledger.unlink()
        with pytest.raises(LedgerUnusable, match="was replaced or removed while it was open"):
            ledger.start("a", ledgers.LOCAL, NOW)


def test_one_report_that_cannot_be_written_keeps_no_other_from_it(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    for key in ("a", "b", "c"):
        ledgers.submitted(ledger, key)
    odd = JobReport(state=JobState.SUCCEEDED, raw="complete", record={"SECRET": object()})
    seen = [
        JobObservation(job("job of a"), DONE),
        JobObservation(job("job of b"), odd),
        JobObservation(job("job of c"), DONE),
    ]
    seen.append(JobObservation(job("nobody's"), DONE))
    found = ledger.observe_all(seen, NOW)
    assert [each.job_id for each in found] == ["job of a", "job of c"]
    assert ledger.job(job("job of c")).state is JobState.SUCCEEDED
    assert ledger.job(job("job of b")).state is JobState.QUEUED
    assert "image_project job of b cannot be written: " in caplog.text
    assert "SECRET" not in caplog.text


def test_a_report_that_the_database_refuses_keeps_no_other_from_it(ledger: Ledger) -> None:
    """PostgreSQL takes no NaN for JSON, and nothing more in a transaction that has failed."""
    for key in ("a", "b", "c"):
        ledgers.submitted(ledger, key)
    odd = JobReport(state=JobState.SUCCEEDED, raw="complete", record={"score": math.nan})
    reports = {"a": DONE, "b": odd, "c": DONE}
    ledger.observe_all(
        [JobObservation(job(f"job of {key}"), report) for key, report in reports.items()], NOW
    )
    assert ledger.job(job("job of a")).state is JobState.SUCCEEDED
    assert ledger.job(job("job of c")).state is JobState.SUCCEEDED


def test_a_database_that_fails_is_no_odd_report(settings: Settings) -> None:
    with Ledger.open(settings) as ledger:
        ledgers.submitted(ledger, "a")
        engine = ledgers.engine(settings)
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE jobs RENAME TO elsewhere"))
        engine.dispose()
        with pytest.raises(LedgerUnusable, match="has failed: no such table"):
            ledger.observe_all([JobObservation(job("job of a"), DONE)], NOW)


def test_a_database_that_refuses_is_told_without_what_was_written(ledger: Ledger) -> None:
    with (
        pytest.raises(LedgerUnusable, match="has failed: ") as caught,
        ledger._database.write() as connection,
    ):
        connection.execute(sa.text("INSERT INTO requests (payload) VALUES (:x)"), {"x": "SECRET"})
    assert "SECRET" not in str(caught.value)
    ledger.add([wanted("a")], NOW)
    ledgers.submitted(ledger, "b")
    ledger.observe(job("job of b"), said(JobState.RUNNING, "rendering"), NOW)
