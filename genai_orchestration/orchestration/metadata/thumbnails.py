"""Pictures of the archive inside Dagster's metadata: they render after every address has died.

    path in the archive ─► small enough for 1,000 characters ─► ![caption](data:image/webp;...)

The web UI renders Markdown in place up to 1,000 characters, data: addresses too, and longer ones
only behind a click (seen in Dagster 1.13). So each picture is a value of its own, as large as fits.
"""

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

import dagster as dg

from genai_orchestration import warehouse
from genai_orchestration.archive.plan import Days
from genai_orchestration.doors.markup import as_text
from genai_orchestration.gallery import pictures
from genai_orchestration.loading.generations import ROLES
from genai_orchestration.providers.base import Archive, Provider
from genai_orchestration.settings import Settings

MARKDOWN = 1000  # characters that the UI renders in place
SIDES = (160, 128, 96, 80, 64, 48, 32)  # pixels, the first that fits
QUALITY = 30
CAPTION = 60
NEWEST = 3  # pictures of a day
MOST_DAYS = 31  # of a run, the last ones: each picture is read and made small, a tenth of a second


def of_days(
    provider: Provider, settings: Settings, archive: Archive, days: Days
) -> Mapping[str, Mapping[str, dg.MarkdownMetadataValue]]:
    """The newest archived pictures of each of the last days, as metadata of its partition."""
    first, end = max(days[0], days[1] - timedelta(days=MOST_DAYS)), days[1]
    day = warehouse.day_sql("f.date_created")
    sql = f"""
        SELECT day, archived_path, caption FROM (
            SELECT {day} AS day, f.archived_path AS archived_path, j.{_caption(provider, archive)}
                AS caption, row_number() OVER (
                    PARTITION BY {day} ORDER BY f.date_created DESC, f.job_id) AS place
            FROM {{{archive.table.name}}} AS f JOIN {{{archive.job_table}}} AS j ON j.id = f.job_id
            WHERE f.state = 'archived' AND f.role IN {ROLES}
                AND {warehouse.day_range_sql(first, end).replace("date_created", "f.date_created")}
        ) AS ranked WHERE place <= {NEWEST} ORDER BY day, place"""  # noqa: S608 own names and dates
    newest: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for on, path, caption in warehouse.query(provider, settings, sql) or []:
        newest[on.isoformat()].append((path, caption or ""))
    return {on: metadata(settings, found) for on, found in newest.items()}


def _caption(provider: Provider, archive: Archive) -> str:
    return provider.table(archive.job_table).caption or "id"


def metadata(
    settings: Settings, newest: Sequence[tuple[str, str]]
) -> dict[str, dg.MarkdownMetadataValue]:
    """A value for each (path in the archive, caption) that is a picture."""
    shown = (_markdown(settings, path, caption) for path, caption in newest)
    return {
        f"newest {place}": dg.MetadataValue.md(markdown)
        for place, markdown in enumerate(filter(None, shown), 1)
    }


def _markdown(settings: Settings, path: str, caption: str) -> str | None:
    """The picture as Markdown, at most MARKDOWN characters; the caption is untrusted."""
    words = as_text(caption[:CAPTION])
    try:
        content = pictures.original(settings, path)
        for side in SIDES:
            small = base64.b64encode(pictures.small(content, side, quality=QUALITY)).decode()
            markdown = f"![{words}](data:image/webp;base64,{small})"
            if len(markdown) <= MARKDOWN:
                return markdown
    except pictures.NoPicture:
        pass
    return None
