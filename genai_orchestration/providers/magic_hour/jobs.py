"""Magic Hour's image projects, asked after one by one: there is no list of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from genai_orchestration.errors import counted
from genai_orchestration.providers.base import Account, JobHistoryQuery
from genai_orchestration.providers.http import ReadClient
from genai_orchestration.providers.magic_hour.api import (
    ACCOUNT,
    BALANCE,
    PROJECT,
    account_of,
    connect,
)
from genai_orchestration.providers.magic_hour.operations import GENERATOR, UPSCALER
from genai_orchestration.providers.magic_hour.tables import STATUSES
from genai_orchestration.providers.magic_hour.vocabulary import MOST_IMAGES
from genai_orchestration.providers.refusals import NotFound, fit_message
from genai_orchestration.providers.states import Failure, JobState, failure_in
from genai_orchestration.providers.work import JobKind, JobReport, Polling, credits_in

KIND = "image_project"
POLLING = Polling(
    # the vendor's published processing times, p50
    medians={GENERATOR: timedelta(seconds=5), UPSCALER: timedelta(seconds=22)},
    shortest=timedelta(seconds=0.5),  # as often as the SDK asks from the start
    ceiling=timedelta(minutes=1),
    deadline=timedelta(hours=1),
    stuck_interval=timedelta(hours=1),
)
FAILURES = {  # the vendor's `error.code`, a free string; of any other the words decide
    "content_policy_violation": Failure.MODERATION,
    "no_source_face": Failure.INVALID,
    "invalid_file_format": Failure.INVALID,
    "file_too_large": Failure.INVALID,
    "invalid_parameters": Failure.INVALID,
    "text_too_long": Failure.INVALID,
    "insufficient_credits": Failure.OUT_OF_CREDITS,
    "processing_timeout": Failure.TIMEOUT,
}


@dataclass(frozen=True)
class ProjectReader:
    """Asks after image projects; a `JobReader`."""

    client: ReadClient

    @property
    def base_url(self) -> str:
        """The server that is asked."""
        return self.client.base_url

    def account(self) -> str | None:
        """The account's own id."""
        return account_of(self.client)

    def report(self, job_id: str) -> JobReport:
        """The project now; deleted in the web app, it is GONE."""
        try:
            project = self.client.get_object(f"v1/image-projects/{job_id}", needs=PROJECT)
        except NotFound:  # also the answer of a wrong address, where an account is not found either
            self.client.get_object(ACCOUNT, needs=BALANCE)
            return JobReport(state=JobState.GONE, raw="not found")
        if project.get("enabled") is False:
            return JobReport(state=JobState.GONE, raw="deleted")
        return report_of(self.client.redact(project))


def report_of(project: Mapping[str, Any]) -> JobReport:
    """What a project says of itself; `credits_charged` is rewritten there when it fails.

    A complete one may have fewer downloads than pictures for a moment: it is incomplete then.
    """
    word = str(project.get("status"))
    state, charged = STATUSES.get(word), project.get("credits_charged")
    failed = state is JobState.FAILED
    error = project.get("error")
    said = error if isinstance(error, Mapping) else {"message": error}
    message = said.get("message") or said.get("code") or "no reason given"
    there, due = len(downloads(project)), pictures(project) or 1
    incomplete = state is JobState.SUCCEEDED and there < due
    missing = f"Magic Hour gives {there} of {counted(due, 'picture')}." if incomplete else None
    return JobReport(
        state=state,
        raw=word,
        charged=credits_in(charged),
        failure=failure_of(said) if failed else None,
        error=fit_message(str(message)) if failed else missing,
        incomplete=incomplete,
        record=dict(project) if state and state.terminal else None,
    )


def failure_of(said: Mapping[str, Any]) -> Failure:
    """Why a project failed, by its `error`; a fault of Magic Hour's by default."""
    code, message = str(said.get("code")), str(said.get("message"))
    return FAILURES.get(code) or failure_in(f"{code} {message}") or Failure.PROVIDER_FAULT


def downloads(project: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The downloads that have an address, in their order."""
    listed = project.get("downloads") or []
    found = [each for each in listed if isinstance(each, Mapping)]
    return [each for each in found if isinstance(each.get("url"), str) and each["url"]]


def pictures(project: Mapping[str, Any]) -> int:
    """How many pictures were asked for; 0 where the project does not say."""
    count = project.get("image_count")
    return min(count, MOST_IMAGES) if isinstance(count, int) and count > 0 else 0


def image_projects(account: Callable[[], Account]) -> JobKind:
    """Image projects of the configured account."""
    return JobKind(
        name=KIND,
        noun="image projects",
        connect=lambda policy: ProjectReader(
            connect(account().api_key, account().base_url, policy)
        ),
        polling=POLLING,
        sensor="magic_hour_projects_sensor",
        tables=("image_projects",),
    )


LOADED = JobHistoryQuery(
    tables=("image_projects",),
    select=f"""
        SELECT '{KIND}' AS kind, id AS job_id, request_key AS ref, CAST(NULL AS TEXT) AS prompt,
               state, created_at, finished_at, credits_charged AS credits,
               CAST(downloads AS TEXT) AS address, CAST(NULL AS TEXT) AS error_text
        FROM image_projects""",  # noqa: S608 own names
)
