"""The files of an ImagineAPI image: the grid and its four quadrants, at addresses that work.

An address is stored with the server's PUBLIC_URL of that day. Where that names another server than
the one that is configured, the file is asked for by its id; the other server is never asked.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from genai_orchestration.providers.archive_table import archive_table
from genai_orchestration.providers.base import Archive
from genai_orchestration.providers.files import RemoteFile
from genai_orchestration.providers.imagine_api.jobs import KIND
from genai_orchestration.providers.imagine_api.tables import STATUSES
from genai_orchestration.providers.states import JobState

FILE_ID = re.compile(r"/assets/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])", re.I)
COLUMNS = ("id", "status", "url", "upscaled_urls", "date_created")
# of a row: its grid, and four quadrants at once
LEAST_FILES = """CASE WHEN lower(status) = 'completed' AND url <> '' THEN 1 ELSE 0 END
    + CASE WHEN upscaled_urls IS NULL THEN 0 ELSE 4 END"""


def files(image: Mapping[str, Any], base_url: str) -> list[RemoteFile]:
    """The files of a record, or of a row of `images`, that has succeeded.

    Quadrants go by `upscaled_urls`: top left, top right, bottom left, bottom right. After a late
    progress report (in-progress, with four quadrants) `url` is a partial picture, and no grid.
    """
    grid = [("grid", image.get("url"))] if _completed(image) else []
    urls = image.get("upscaled_urls") or []
    quadrants = orjson.loads(urls) if isinstance(urls, str) else urls
    named = [*grid, *((f"quadrant_{n}", url) for n, url in enumerate(quadrants, start=1))]
    return [_file(role, url, base_url) for role, url in named if isinstance(url, str) and url]


def _completed(image: Mapping[str, Any]) -> bool:
    """Whether its own `status` says so: of a late report the state alone does."""
    return STATUSES.get(str(image.get("status"))) is JobState.SUCCEEDED


def server_of(address: str) -> tuple[str | None, int | None]:
    """Host and port of an address, the scheme's own port where it names none."""
    try:
        parts = urlsplit(address)
        return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:  # a bracket without the other, a port that is no number
        return None, None


def _file(role: str, url: str, base_url: str) -> RemoteFile:
    found = FILE_ID.search(url)
    own = server_of(url) == server_of(base_url)
    by_id = (f"{base_url.rstrip('/')}/assets/{found[1]}",) if found else ()
    sources = (url, *by_id) if own or not found else by_id
    id_ = found[1].lower() if found else None
    return RemoteFile(role=role, sources=sources, file_id=id_, constant=True)


ARCHIVE = Archive(
    table=archive_table("The files of finished images: grid and four quadrants", by_day=True),
    kind=KIND,
    job_table="images",
    columns=COLUMNS,
    least_files=LEAST_FILES,
    files=files,
)
