"""The files of an Abyssale generation request: one for each banner, and a zip's picture."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from genai_orchestration.providers.abyssale.jobs import KEPT, KIND
from genai_orchestration.providers.archive_table import archive_table
from genai_orchestration.providers.base import Archive
from genai_orchestration.providers.files import RemoteFile
from genai_orchestration.providers.work import FinishedJob

PICTURES = ("jpeg", "png", "webp", "avif", "gif")  # of a banner's file types


def files(record: Mapping[str, Any], base_url: str) -> list[RemoteFile]:
    """The banners in their order, banner_1, banner_2, ...: `url`, else `cdn_url`.

    A zip has a picture to show in its place: banner_1_fallback.
    """
    found: list[RemoteFile] = []
    for number, banner in enumerate(record.get("banners") or [], start=1):
        file, role = banner.get("file") or {}, f"banner_{number}"
        picture, id_ = file.get("type") in PICTURES, banner.get("id")
        sources = _addresses(file, "url", "cdn_url")
        found.append(RemoteFile(role=role, sources=sources, picture=picture, file_id=id_))
        if fallback := _addresses(file, "fallback_image_url"):
            found.append(RemoteFile(role=f"{role}_fallback", sources=fallback))
    return found


def expires(job: FinishedJob) -> datetime:
    """When Abyssale forgets the request: it documents no other end of a file."""
    return job.accepted_at + KEPT


def _addresses(file: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(file[name] for name in names if isinstance(file.get(name), str))


ARCHIVE = Archive(
    table=archive_table("The banners of finished generation requests"),
    kind=KIND,
    job_table="file",
    files=files,
    expires=expires,
)
