"""Magic Hour's tables: what each holds, the types of its columns, and the status words."""

from datetime import timedelta

from genai_orchestration.providers.base import Table
from genai_orchestration.providers.states import JobState, spelled

HOURLY = timedelta(hours=2)  # an hourly load, and an hour to run late

STATUSES = spelled(
    {
        "draft": JobState.QUEUED,
        "queued": JobState.QUEUED,
        "rendering": JobState.RUNNING,
        "complete": JobState.SUCCEEDED,
        "error": JobState.FAILED,
        "canceled": JobState.CANCELED,
    }
)

CREDITS = Table(
    name="credits",
    description=(
        "The account's credit balance, tier and subscription each time they were asked for, a row "
        "per reading with `read_at`. `answered_by` names the path that answered: Magic Hour's "
        "current API has the balance in /v1/account."
    ),
    disposition="append",
    fresh_within=HOURLY,
    balance=("credits",),
    columns={
        "read_at": "timestamp",
        "credits": "bigint",
        "id": "text",
        "email": "text",
        "tier": "text",
        "subscription": "json",
        "answered_by": "text",
    },
)

MODELS = Table(
    name="models",
    description=(
        "Models and modes with their price in credits. Magic Hour lists none over its API, so "
        "this is a catalogue shipped with the project (`catalogue_date`); prices drift, and "
        "a price is null where none is published."
    ),
    disposition="replace",
    columns={
        "operation": "text",
        "model": "text",
        "option": "text",
        "credits": "bigint",
        "image_counts": "json",
        "resolutions": "json",
        "note": "text",
        "catalogue_date": "text",
        "answered_by": "text",
    },
)

IMAGE_PROJECTS = Table(
    name="image_projects",
    description=(
        "Every image project of this project's own requests, one row each, once it is over: "
        "complete, error (refunded: `credits_charged` 0), canceled in the web app, or GONE. Magic "
        "Hour lists none, so the ledger follows each by id. `downloads` (JSON) has the addresses "
        "without their signatures, which last 24 hours; `request_key` joins the request."
    ),
    disposition="merge",
    primary_key=("id",),
    columns={
        "id": "text",
        "request_key": "text",
        "status": "text",
        "state": "text",
        "type": "text",
        "name": "text",
        "image_count": "bigint",
        "credits_charged": "bigint",
        "total_frame_cost": "bigint",
        "enabled": "bool",
        "downloads": "json",
        "error": "json",
        "error_class": "text",
        "created_at": "timestamp",
        "accepted_at": "timestamp",
        "finished_at": "timestamp",
    },
)

STATUS = Table(
    name="status",
    description=(
        "Whether Magic Hour's API answers, a row per reading with `read_at` and `milliseconds`. "
        "There is no status path in the current API: an answer of /v1/account counts as up."
    ),
    disposition="append",
    fresh_within=HOURLY,
    columns={
        "read_at": "timestamp",
        "status": "text",
        "milliseconds": "bigint",
        "message": "text",
        "answered_by": "text",
    },
)
