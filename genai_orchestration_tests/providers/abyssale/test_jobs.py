"""What Abyssale says of a generation request, for the seven days that it is kept."""

import json
from typing import Any

import pytest

from genai_orchestration.providers.abyssale import PROVIDER
from genai_orchestration.providers.abyssale.api import connect
from genai_orchestration.providers.abyssale.jobs import GenerationReader, report_of
from genai_orchestration.providers.http import LOAD_POLICY
from genai_orchestration.providers.refusals import NotFound
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReader
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.providers.abyssale.workspace import state
from genai_orchestration_tests.providers.vendor import saying

(KIND,) = PROVIDER.job_kinds
LONG = "x" * 61  # fits into every format but a narrow one
TOO_LONG = "x" * 121


@pytest.fixture
def reader(sandbox: Sandbox) -> JobReader:
    return KIND.connect(LOAD_POLICY)


def made(sandbox: Sandbox, text: str = "-40%") -> str:
    """A request for all three formats of a design, one of them narrow."""
    assert PROVIDER.submitter
    narrow = "leaderboard"
    design = next(
        each
        for each in state(sandbox).designs.values()
        if each.type == "static" and narrow in [chosen.name for chosen in each.formats]
    )
    payload = {"design_id": design.id, "elements": {"title": {"payload": text}}}
    return PROVIDER.submitter().submit("generation_requests", payload, "k1").job_id


SECRET = "abyssale-secret"


def final(**said: Any) -> dict[str, Any]:
    return {"id": "g1", "is_finalized": True, "banners": [], **said}


def test_no_signature_and_no_key_is_kept_of_any_field() -> None:
    banner = {"id": "b1", "file": {"new": f"https://a.example/x?sig=in-private {SECRET}"}}
    with saying(body=json.dumps(final(banners=[banner])).encode()) as vendor:
        report = GenerationReader(connect(SECRET, vendor.url)).report("g1")
    assert report.record == {
        "banners": [{"id": "b1", "file": {"new": "https://a.example/x ***"}}],
        "errors": [],
    }


def test_a_request_is_followed_until_its_banners_are_there(
    sandbox: Sandbox, reader: JobReader
) -> None:
    job_id = made(sandbox)
    running = reader.report(job_id)
    assert (running.state, running.raw, running.record) == (JobState.RUNNING, "running", None)
    assert running.charged is None
    sandbox.clock.advance(5)
    done = reader.report(job_id)
    assert (done.state, done.raw, done.charged) == (JobState.SUCCEEDED, "succeeded", 3)
    assert (done.failure, done.error) == (None, None)
    assert done.record is not None
    assert [len(done.record[name]) for name in ("banners", "errors")] == [3, 0]


def test_a_format_that_failed_is_told_and_not_charged(sandbox: Sandbox, reader: JobReader) -> None:
    job_id = made(sandbox, LONG)
    sandbox.clock.advance(5)
    report = reader.report(job_id)
    assert (report.state, report.raw, report.charged) == (JobState.SUCCEEDED, "partial", 2)
    assert report.failure is None
    assert (report.error or "").startswith("leaderboard: Element title error: The text 'xxx")
    assert report.record is not None
    assert len(report.record["errors"]) == 1


def test_a_request_without_a_banner_has_failed_of_what_it_asks_for(
    sandbox: Sandbox, reader: JobReader
) -> None:
    job_id = made(sandbox, TOO_LONG)
    sandbox.clock.advance(5)
    report = reader.report(job_id)
    assert (report.state, report.raw, report.charged) == (JobState.FAILED, "failed", 0)
    assert report.failure is Failure.INVALID  # three such must not look like an outage


@pytest.mark.parametrize(
    "errors", [None, [], [{"reason": "Internal error"}], [{}], ["broken"], [None]]
)
def test_a_request_without_a_banner_or_a_reason_has_failed_of_a_fault(errors: object) -> None:
    report = report_of(final(errors=errors))
    assert (report.state, report.failure) == (JobState.FAILED, Failure.PROVIDER_FAULT)
    assert report.error


def test_a_fault_beside_a_misfit_is_a_fault() -> None:
    misfit = {"template_format_name": "a", "reason": "Element title error: too long"}
    assert report_of(final(errors=[misfit])).failure is Failure.INVALID
    report = report_of(final(errors=[misfit, {"reason": "Internal error"}]))
    assert report.failure is Failure.PROVIDER_FAULT
    assert report.error == "a: Element title error: too long; all: Internal error"


def test_banners_that_come_early_do_not_end_it() -> None:
    early = report_of({"id": "g1", "is_finalized": False, "banners": [{"id": "b1"}]})
    assert (early.state, early.record) == (JobState.RUNNING, None)


def test_after_seven_days_it_is_gone(sandbox: Sandbox, reader: JobReader) -> None:
    job_id = made(sandbox)
    sandbox.clock.advance(7 * 24 * 3600)
    report = reader.report(job_id)
    assert (report.state, report.raw, report.record) == (JobState.GONE, "gone", None)


def test_what_abyssale_does_not_know_is_gone(sandbox: Sandbox, reader: JobReader) -> None:
    report = reader.report("3f2a9c18-6b1e-4f4a-9a75-2b6d0e1c8f77")
    assert (report.state, report.raw) == (JobState.GONE, "not found")


def test_a_server_that_finds_nothing_at_all_ends_no_job(
    sandbox: Sandbox, reader: JobReader
) -> None:
    job_id = made(sandbox)
    sandbox.traffic.faults.append(Fault(kind="status", status=404, times=2))
    with pytest.raises(NotFound, match="Check base_url"):
        reader.report(job_id)


def test_no_signature_is_kept_of_a_reason() -> None:
    reason = "Cannot fetch https://cdn.example.com/a.png?X-Amz-Signature=in-private"
    report = report_of(final(errors=[{"template_format_name": "a", "reason": reason}]))
    assert report.error == "a: Cannot fetch https://cdn.example.com/a.png"
