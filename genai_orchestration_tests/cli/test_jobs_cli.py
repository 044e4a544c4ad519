"""`genai jobs`: what runs at the providers, what is stuck, and what it was made of."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import JobKey
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import genai
from genai_orchestration_tests.support.ledgers import NOW, engine
from genai_orchestration_tests.support.ledgers import submitted as with_a_job
from genai_orchestration_tests.support.paid import aged, lines, submitted

KIND = ("magic_hour", "image_project")


@pytest.fixture
def three(settings: Settings) -> None:
    """Jobs of a, b and c: one has ended, two are long open."""
    with Ledger.open(settings) as ledger:
        for key in "abc":
            with_a_job(ledger, key)
        done = JobReport(
            state=JobState.SUCCEEDED, raw="complete", record={"url": "https://x.y/z?sig=S"}
        )
        ledger.observe(JobKey(*KIND, "job of a"), done, NOW)


def names(*filters: str) -> list[str]:
    return [each["job_id"] for each in lines("jobs", "list", *filters)]


def test_filters_choose_jobs(three: None) -> None:
    assert sorted(names()) == ["job of a", "job of b", "job of c"]
    assert names("--open") == ["job of b", "job of c"]
    assert names("--state", "succeeded") == names("--unloaded") == ["job of a"]
    assert names("--open", "--state", "succeeded") == []
    assert names("--provider", "abyssale") == []
    assert len(names("--limit", "2")) == 2
    assert "no provider 'nobody'" in genai("jobs", "list", "--provider", "nobody").sentence


def test_a_stuck_job_says_so(sandbox: Sandbox, settings: Settings) -> None:
    submitted("one", "two")
    assert lines("jobs", "list", "--stuck") == []
    assert "stuck" not in genai("jobs", "list").out
    aged(settings, first_seen=timedelta(hours=1, minutes=1))
    stuck = lines("jobs", "list", "--stuck", "--limit", "1")
    assert [each["stuck"] for each in stuck] == [True]
    assert genai("jobs", "list").out.count("QUEUED (stuck)") == 2
    assert "It is stuck: open for 1 h 1 min." in genai("jobs", "show", stuck[0]["job_id"]).out


def test_a_job_is_shown_with_its_request_and_without_signatures(three: None) -> None:
    said = genai("jobs", "show", "job of a").out
    assert "The request a (genai requests show)" in said
    assert '{"style": {"prompt": "a fox"}, "image_count": 1}' in said
    (job,) = lines("jobs", "show", "job of a")
    assert (job["state"], job["request"]["request_key"]) == ("SUCCEEDED", "a")
    assert job["record"] == {"url": "https://x.y/z?…"}


def test_an_id_that_two_providers_have_needs_the_provider(three: None, settings: Settings) -> None:
    with engine(settings).begin() as connection:
        row = {"provider": "abyssale", "kind": "generation_request", "job_id": "job of a"}
        sql = "INSERT INTO jobs (provider, kind, job_id, state, first_seen) VALUES "
        sql += "(:provider, :kind, :job_id, 'GONE', '2026-01-01 00:00:00.000000')"
        connection.execute(sa.text(sql), row)
    said = genai("jobs", "show", "job of a").sentence
    assert "choose with --provider" in said
    (job,) = lines("jobs", "show", "job of a", "--provider", "abyssale")
    assert (job["state"], job["request"]) == ("GONE", None)


def test_an_unknown_job_is_a_sentence() -> None:
    assert "has no job 'nobody'" in genai("jobs", "show", "nobody").sentence
