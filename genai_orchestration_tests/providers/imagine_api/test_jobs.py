"""What ImagineAPI says of one image, asked by its id."""

import pytest

from genai_orchestration.providers.http import LOAD_POLICY
from genai_orchestration.providers.imagine_api import PROVIDER
from genai_orchestration.providers.imagine_api.jobs import failure_of
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.providers.work import JobReader
from genai_orchestration_tests.providers.imagine_api.account import emptied

(KIND,) = PROVIDER.job_kinds


@pytest.fixture
def reader(sandbox: Sandbox) -> JobReader:
    return KIND.connect(LOAD_POLICY)


def test_an_image_is_followed_until_it_is_completed(sandbox: Sandbox, reader: JobReader) -> None:
    assert PROVIDER.submitter
    job_id = PROVIDER.submitter().submit("images_create", {"prompt": "a fox"}, "k1").job_id
    seen = []
    for _ in range(6):
        report = reader.report(job_id)
        seen.append((report.state, report.raw))
        sandbox.clock.advance(3)
    assert list(dict.fromkeys(seen)) == [
        (JobState.QUEUED, "pending"),
        (JobState.RUNNING, "in-progress"),
        (JobState.SUCCEEDED, "completed"),
    ]
    assert (report.charged, report.failure, report.error) == (None, None, None)


def test_a_failed_image_is_told_in_its_own_words(sandbox: Sandbox, reader: JobReader) -> None:
    (failed,) = emptied(sandbox).add(
        [Spec(outcome="failed", seconds=-60, error="Midjourney message: `blood` has been banned.")]
    )
    report = reader.report(failed)
    assert (report.state, report.failure) == (JobState.FAILED, Failure.MODERATION)
    assert report.error == "Midjourney message: `blood` has been banned."


def test_a_late_report_of_progress_does_not_open_an_image_again(
    sandbox: Sandbox, reader: JobReader
) -> None:
    (late,) = emptied(sandbox).add([Spec(outcome="late", seconds=-600)])
    report = reader.report(late)
    assert (report.state, report.raw) == (JobState.SUCCEEDED, "in-progress")


def test_a_deleted_or_a_foreign_image_is_gone(sandbox: Sandbox, reader: JobReader) -> None:
    account = emptied(sandbox)
    deleted, foreign = account.add([Spec(), Spec(foreign=True)])
    account.remove(deleted)
    for job_id in (deleted, foreign):
        assert reader.report(job_id).state is JobState.GONE


def test_a_word_that_nobody_knows_is_kept_and_the_image_is_open(
    sandbox: Sandbox, reader: JobReader
) -> None:
    (odd,) = emptied(sandbox).add([Spec(outcome="pending", waits_as="paused")])
    report = reader.report(odd)
    assert (report.state, report.raw) == (None, "paused")


def test_an_id_that_is_none_is_told(reader: JobReader) -> None:
    with pytest.raises(WrongSetting, match="'cm1' is not an ImagineAPI image id"):
        reader.report("cm1")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ("Timeout after prompt was sent", Failure.TIMEOUT),
        ("Timeout while waiting for completion", Failure.TIMEOUT),
        ("Midjourney message: The word `timeout` has been banned.", Failure.MODERATION),
        ("Midjourney message: Our AI moderator thinks that", Failure.MODERATION),
        ("Midjourney message: Invalid parameter: --foo", Failure.INVALID),
        ("Midjourney message: Queue full", Failure.PROVIDER_FAULT),
        ("Error creating thread: Bad Gateway", Failure.PROVIDER_FAULT),
        ("Unspecified error", Failure.PROVIDER_FAULT),
        ("", Failure.PROVIDER_FAULT),
    ],
)
def test_why_an_image_failed_is_told_by_its_text(error: str, failure: Failure) -> None:
    assert failure_of(error) is failure
