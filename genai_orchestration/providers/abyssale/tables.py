"""Abyssale's tables: what each holds, and the types of its columns.

Objects keyed by a user's own words (formats, variables, layouts) are JSON columns: as columns of
their own they would number thousands. Times arrive as Unix seconds and are stored as timestamps.
"""

from datetime import timedelta

from dlt.common.data_types import TDataType

from genai_orchestration.providers.base import Table

DAILY = timedelta(hours=26)  # a daily load, and two hours to run late

_DESIGN: dict[str, TDataType] = {
    "id": "text",
    "name": "text",
    "type": "text",
    "created_at": "timestamp",
    "updated_at": "timestamp",
    "project_id": "text",
    "project_name": "text",
    "category_id": "text",
    "category_name": "text",
    "preview_url": "text",
}

DESIGNS = Table(
    name="designs",
    description=(
        "Every design (template) of the workspace as it is now: static, animated, printer or "
        "printer_multipage, with its project. Replaced as a whole by each load; designs outside a "
        "project and deleted ones are not listed by Abyssale."
    ),
    disposition="replace",
    primary_key=("id",),
    uuids=("id", "project_id", "category_id"),
    fresh_within=DAILY,
    columns=_DESIGN,
)

DESIGN_DETAIL = Table(
    name="design_detail",
    description=(
        "The inside of each design: formats, elements (layers) with their attributes per format, "
        "variables; pages for printer_multipage. Only designs that changed since the last load "
        "are asked for again; deleted ones disappear here too."
    ),
    disposition="merge",
    primary_key=("id",),
    uuids=("id", "template_id", "project_id", "category_id"),
    hard_delete="deleted",
    fresh_within=DAILY,
    columns={
        **_DESIGN,
        "template_id": "text",
        "version": "text",
        "formats": "json",
        "elements": "json",
        "variables": "json",
        "animation": "json",
        "pages": "json",
        "elements_per_page": "json",
        "dpi": "double",
        "bleed_size": "double",
        "safe_size": "double",
        "deleted": "bool",
    },
)

PROJECTS = Table(
    name="projects",
    description="The workspace's projects (once called categories) as they are now.",
    disposition="replace",
    primary_key=("id",),
    uuids=("id",),
    fresh_within=DAILY,
    columns={"id": "text", "name": "text", "created_at_ts": "timestamp", "category_name": "text"},
)

FONTS = Table(
    name="fonts",
    description=(
        "Fonts that designs may use, Google's and the workspace's own (those have no category). "
        "`available_weights` (JSON) mixes numbers and words such as 400-italic."
    ),
    disposition="replace",
    primary_key=("id",),
    uuids=("id",),
    fresh_within=DAILY,
    columns={
        "id": "text",
        "name": "text",
        "type": "text",
        "category": "text",
        "available_weights": "json",
    },
)

FILE = Table(
    name="file",
    description=(
        "Generated banners that are known of: their file (type, url, cdn_url), format, design and "
        "project. Abyssale cannot list banners: they are those of finished generation requests "
        "(`request_key` joins the request) and of `banner_ids` in the configuration. `sharing_id` "
        "is the same for all versions of a visual."
    ),
    disposition="merge",
    primary_key=("id",),
    uuids=("id", "sharing_id", "generation_request_id"),
    columns={
        "id": "text",
        "version": "bigint",
        "sharing_id": "text",
        "file": "json",
        "format": "json",
        "template": "json",
        "project": "json",
        "image": "json",
        "edit_url": "text",
        "view_url": "text",
        "visual_status": "json",
        "request_key": "text",
        "generation_request_id": "text",
    },
)

CREDITS = Table(
    name="credits",
    description=(
        "The two credit pools each time they were asked for, a row per reading with `read_at`: "
        "generation and AI credits of the current billing period. Null means unlimited; "
        "spendable is available + extra."
    ),
    disposition="append",
    fresh_within=DAILY,
    balance=("generation_credits_available", "generation_credits_extra"),
    columns={
        "read_at": "timestamp",
        "generation_credits_available": "bigint",
        "generation_credits_limit": "bigint",
        "generation_credits_consumed": "bigint",
        "generation_credits_extra": "bigint",
        "ai_credits_available": "bigint",
        "ai_credits_limit": "bigint",
        "ai_credits_consumed": "bigint",
        "ai_credits_extra": "bigint",
        "version": "text",
    },
)

TABLES = (DESIGNS, DESIGN_DETAIL, PROJECTS, FONTS, FILE, CREDITS)
