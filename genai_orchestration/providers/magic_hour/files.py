"""The files of a Magic Hour project: its downloads, at addresses that open for 24 hours.

What is stored of an address has no signature: fresh ones come with the project, asked for again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from genai_orchestration.providers.archive_table import archive_table
from genai_orchestration.providers.base import Account, Archive
from genai_orchestration.providers.files import RemoteFile
from genai_orchestration.providers.http import RetryPolicy
from genai_orchestration.providers.magic_hour.api import PROJECT, connect
from genai_orchestration.providers.magic_hour.jobs import KIND, downloads, pictures
from genai_orchestration.providers.refusals import NotFound
from genai_orchestration.providers.work import FinishedJob

OPEN_FOR = timedelta(hours=24)  # a download's address, from when it was given


def files(project: Mapping[str, Any], base_url: str) -> list[RemoteFile]:
    """The pictures of a project in their order: output_1, output_2, ...

    One that has no download (yet) has no address: it is asked for again, with the project.
    """
    urls = [each["url"] for each in downloads(project)]
    missing = pictures(project) - len(urls)
    sources = [*((url,) for url in urls), *[()] * missing]
    return [RemoteFile(role=f"output_{n}", sources=each) for n, each in enumerate(sources, start=1)]


def expires(job: FinishedJob) -> datetime:
    """When the first address of a project that was seen finished closes."""
    given = job.finished_at + OPEN_FOR
    moments = [_moment(each.get("expires_at")) for each in downloads(job.record or {})]
    return min([moment for moment in moments if moment], default=given)


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def archive(account: Callable[[], Account]) -> Archive:
    """The files of the configured account's projects."""

    def refresh(policy: RetryPolicy) -> Callable[[str], Mapping[str, Any]]:
        client = connect(account().api_key, account().base_url, policy)

        def project(job_id: str) -> Mapping[str, Any]:
            found = client.get_object(f"v1/image-projects/{job_id}", needs=PROJECT)
            if found.get("enabled") is False:
                raise NotFound("The project was deleted at Magic Hour.")
            return found

        return project

    return Archive(
        table=archive_table("All downloads of finished image projects"),
        kind=KIND,
        job_table="image_projects",
        files=files,
        refresh=refresh,
        expires=expires,
    )
