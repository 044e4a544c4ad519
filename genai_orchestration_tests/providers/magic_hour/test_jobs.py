"""What Magic Hour says of an image project, from its creation to its end."""

import json
from typing import Any

import pytest
import requests

from genai_orchestration.providers.http import LOAD_POLICY
from genai_orchestration.providers.magic_hour import PROVIDER
from genai_orchestration.providers.magic_hour.api import connect
from genai_orchestration.providers.magic_hour.jobs import ProjectReader, report_of
from genai_orchestration.providers.magic_hour.operations import GENERATOR
from genai_orchestration.providers.refusals import NotFound, ProviderError
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReader
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration_tests.providers.vendor import saying

SECRET = "mhk_live_secret"

(KIND,) = PROVIDER.job_kinds


@pytest.fixture
def reader(sandbox: Sandbox) -> JobReader:
    return KIND.connect(LOAD_POLICY)


def made(sandbox: Sandbox, prompt: str = "a fox") -> str:
    assert PROVIDER.submitter
    payload = {"image_count": 2, "model": "z-image-turbo", "style": {"prompt": prompt}}
    return PROVIDER.submitter().submit(GENERATOR, payload, "k1").job_id


def project(**said: Any) -> dict[str, Any]:
    return {"id": "cm1", "status": "error", "credits_charged": 0, "downloads": [], **said}


def test_a_project_is_followed_until_its_pictures_are_there(
    sandbox: Sandbox, reader: JobReader
) -> None:
    job_id = made(sandbox)
    queued = reader.report(job_id)
    assert (queued.state, queued.raw, queued.charged) == (JobState.QUEUED, "queued", 10)
    sandbox.clock.advance(2)
    assert reader.report(job_id).state is JobState.RUNNING
    sandbox.clock.advance(5)
    done = reader.report(job_id)
    assert (done.state, done.raw, done.charged) == (JobState.SUCCEEDED, "complete", 10)
    assert (queued.record, done.failure, done.error) == (None, None, None)
    assert done.record is not None
    urls = [download["url"] for download in done.record["downloads"]]
    assert [url.rpartition("/")[2] for url in urls] == ["output-0.png", "output-1.png"]
    assert "sig" not in str(done.record)


def test_a_refused_prompt_is_refunded_and_told_in_the_vendors_words(
    sandbox: Sandbox, reader: JobReader
) -> None:
    job_id = made(sandbox, "a forbidden fox")
    sandbox.clock.advance(9)
    report = reader.report(job_id)
    assert (report.state, report.charged) == (JobState.FAILED, 0)
    assert report.failure is Failure.MODERATION
    assert report.error == "The prompt was rejected by the content policy."
    assert report.record is not None


def test_a_canceled_project_is_over(sandbox: Sandbox, reader: JobReader) -> None:
    job_id = made(sandbox)
    sandbox.providers["magic_hour"].cancel(job_id)
    report = reader.report(job_id)
    assert (report.state, report.raw, report.failure) == (JobState.CANCELED, "canceled", None)
    assert report.record is not None


@pytest.mark.parametrize(
    ("word", "state"), [("Complete", JobState.SUCCEEDED), ("ERROR", JobState.FAILED)]
)
def test_a_status_in_another_case_means_what_it_means(word: str, state: JobState) -> None:
    report = report_of(project(status=word))
    assert (report.state, report.raw) == (state, word)
    assert report.record is not None
    assert word in PROVIDER.statuses


def test_a_deleted_project_is_gone(sandbox: Sandbox, reader: JobReader) -> None:
    job_id = made(sandbox)
    url = f"{sandbox.base_url('magic_hour')}/v1/image-projects/{job_id}"
    requests.delete(url, headers={"Authorization": f"Bearer {KEY}"}, timeout=10)
    report = reader.report(job_id)
    assert (report.state, report.record) == (JobState.GONE, None)


def test_a_disabled_project_is_gone(sandbox: Sandbox, reader: JobReader) -> None:
    body = '{"id": "cm1", "status": "complete", "enabled": false}'
    sandbox.traffic.faults.append(Fault(kind="status", status=200, body=body))
    assert reader.report("cm1").state is JobState.GONE


def test_a_server_that_finds_nothing_at_all_ends_no_job(
    sandbox: Sandbox, reader: JobReader
) -> None:
    job_id = made(sandbox)
    sandbox.traffic.faults.append(Fault(kind="status", status=404, times=2))
    with pytest.raises(NotFound, match="Check base_url"):
        reader.report(job_id)


def test_trouble_is_told_as_such(sandbox: Sandbox, reader: JobReader) -> None:
    sandbox.traffic.faults.append(Fault(kind="status", status=401))
    with pytest.raises(ProviderError, match="The key is not accepted"):
        reader.report("cm1")


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("content_policy_violation", Failure.MODERATION),
        ("no_source_face", Failure.INVALID),
        ("invalid_parameters", Failure.INVALID),
        ("text_too_long", Failure.INVALID),
        ("insufficient_credits", Failure.OUT_OF_CREDITS),
        ("processing_timeout", Failure.TIMEOUT),
        ("unknown_error", Failure.PROVIDER_FAULT),
        ("a_new_one", Failure.PROVIDER_FAULT),
        (None, Failure.PROVIDER_FAULT),
    ],
)
def test_why_it_failed_is_told_by_the_vendors_code(code: str | None, failure: Failure) -> None:
    report = report_of(project(error={"code": code, "message": None}))
    assert report.failure is failure
    assert report.error == (code or "no reason given")


@pytest.mark.parametrize("error", [None, {}, "broken", 7, ["x"]])
def test_an_error_of_any_shape_is_a_failure(error: object) -> None:
    assert report_of(project(error=error)).failure is Failure.PROVIDER_FAULT


HERE = {"url": "https://x.example/a.png"}


@pytest.mark.parametrize(
    ("downloads", "there"),
    [
        ([], 0),
        (None, 0),
        ([HERE], 1),
        ([HERE, None, {"url": None}, {"url": ""}, "odd", {}], 1),
        ([HERE] * 3, 3),
    ],
)
def test_a_complete_project_without_all_of_its_pictures_is_incomplete(
    downloads: object, there: int
) -> None:
    report = report_of(project(status="complete", image_count=4, downloads=downloads))
    assert (report.state, report.incomplete) == (JobState.SUCCEEDED, True)
    assert report.error == f"Magic Hour gives {there} of 4 pictures."


@pytest.mark.parametrize("count", [2, 1, 0, None, "2"])
def test_a_complete_project_with_all_of_its_pictures_is_not(count: object) -> None:
    report = report_of(project(status="complete", image_count=count, downloads=[HERE] * 2))
    assert (report.state, report.incomplete, report.error) == (JobState.SUCCEEDED, False, None)
    failed = report_of(project(status="error", image_count=count, downloads=[]))
    assert not failed.incomplete
    empty = report_of(project(status="complete", image_count=None, downloads=[]))
    assert empty.error == "Magic Hour gives 0 of 1 picture."


@pytest.mark.parametrize("word", ["upscaling", "", None])
def test_a_word_that_nobody_knows_is_kept_and_the_job_is_open(word: str | None) -> None:
    report = report_of(project(status=word))
    assert (report.state, report.raw, report.record) == (None, str(word), None)


def test_no_signature_and_no_key_is_kept_of_any_field() -> None:
    words = "Cannot read https://cdn.example.com/hero.png?X-Amz-Signature=in-private here"
    more = {"echo": {"authorization": f"Bearer {SECRET}"}, "new": {"poster": words}}
    body = json.dumps(project(error={"code": "x", "message": words}, **more)).encode()
    with saying(body=body) as vendor:
        report = ProjectReader(connect(SECRET, vendor.url)).report("cm1")
    assert report.error == "Cannot read https://cdn.example.com/hero.png here"
    assert report.record is not None
    assert report.record["echo"] == {"authorization": "Bearer ***"}
    assert "in-private" not in str(report.record)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ({"code": "nsfw_content_detected", "message": "No."}, Failure.MODERATION),
        ({"code": "unknown_error", "message": "Flagged by moderation"}, Failure.MODERATION),
        ({"code": "unknown_error", "message": "Invalid prompt"}, Failure.INVALID),
        ({"code": "unknown_error", "message": "Sorry"}, Failure.PROVIDER_FAULT),
        ("NSFW content", Failure.MODERATION),
        (None, Failure.PROVIDER_FAULT),
    ],
)
def test_words_decide_why_a_project_failed_whose_code_is_in_no_list(
    error: object, failure: Failure
) -> None:
    assert report_of(project(error=error)).failure is failure


def test_moderation_of_an_unknown_code_is_of_the_payload_and_no_outage(
    sandbox: Sandbox, reader: JobReader
) -> None:
    job_id = made(sandbox, "an NSFW fox")
    sandbox.clock.advance(60)
    failure = reader.report(job_id).failure
    assert failure is Failure.MODERATION
    assert (failure.of_the_payload, failure.of_the_provider) == (True, False)
