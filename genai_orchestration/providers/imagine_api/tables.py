"""ImagineAPI's tables: what each holds, the types of its columns, and the status words."""

from datetime import timedelta

from genai_orchestration.providers.base import Table
from genai_orchestration.providers.states import JobState, spelled

STATUSES = spelled(
    {
        "pending": JobState.QUEUED,
        "queued": JobState.QUEUED,
        "in-progress": JobState.RUNNING,
        "completed": JobState.SUCCEEDED,
        "failed": JobState.FAILED,
    }
)

OURS = ("state",)  # columns of `images` that are not a field of ImagineAPI's
OPTIONAL = ("ref",)  # of the cloud only: a self-hosted server has no such field

IMAGES = Table(
    name="images",
    description=(
        "Every Midjourney image of the account, one row each, by UTC day of `date_created`. "
        "A `date_created` without a zone is taken as UTC; images without one are in no day, and "
        "are loaded by id. "
        "`status` is ImagineAPI's word, `state` the project's (QUEUED, RUNNING, SUCCEEDED, "
        "FAILED). `upscaled_urls` (JSON) lists the four quadrants from top left to bottom right; "
        "`upscaled` (JSON) holds the same four file ids in another order: never pair the two. A "
        "finished image is never overwritten by a late progress report."
    ),
    disposition="merge",
    primary_key=("id",),
    uuids=("id", "user_created", "results"),
    by_day=True,
    states=True,
    picture="url",
    caption="prompt",
    fresh_within=timedelta(hours=26),
    columns={
        "id": "text",
        "prompt": "text",
        "results": "text",
        "user_created": "text",
        "date_created": "timestamp",
        "status": "text",
        "state": "text",
        "progress": "bigint",
        "url": "text",
        "error": "text",
        "upscaled_urls": "json",
        "ref": "text",
        "upscaled": "json",
    },
)

STATUS = Table(
    name="status",
    description=(
        "The ImagineAPI bot's health (`bot_status`: healthy, unhealthy, starting, paused) each "
        "time it was asked, a row per reading with `read_at`. It is not per user, and may say "
        "unhealthy while images are made."
    ),
    disposition="append",
    fresh_within=timedelta(minutes=30),
    columns={
        "read_at": "timestamp",
        "bot_status": "text",
        "message": "text",
        "date_created": "timestamp",
        "date_updated": "timestamp",
        "id": "bigint",
        "user_created": "text",
        "user_updated": "text",
    },
)
