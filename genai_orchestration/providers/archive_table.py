"""The table of archived files: the same for every provider, a row for each job and role."""

from collections.abc import Mapping

from dlt.common.data_types import TDataType

from genai_orchestration.providers.base import Table

COLUMNS: Mapping[str, TDataType] = {
    "job_id": "text",
    "kind": "text",
    "role": "text",
    "state": "text",
    "file_id": "text",
    "source_url": "text",
    "sha256": "text",
    "bytes": "bigint",
    "content_type": "text",
    "width": "bigint",
    "height": "bigint",
    "archived_path": "text",
    "archived_at": "timestamp",
    "reason": "text",
    "attempts": "bigint",
    "tried_at": "timestamp",
    "request_key": "text",
}


def archive_table(what: str, *, by_day: bool = False) -> Table:
    """The table `asset_file`; `what` begins its description: "Grid and quadrants of ..."."""
    return Table(
        name="asset_file",
        description=(
            f"{what}, one row each by `job_id` and `role`. `state` is archived, refused (it is "
            "not what it should be: never asked for again by itself), dismissed (refused, and a "
            "person has seen it) or failed (asked for again, ever more rarely), and `reason` says "
            "why. `archived_path` is below GENAI_ARCHIVE and follows from the content (`sha256`): "
            "the same content is kept once. `source_url` has no query string; `request_key` joins "
            "the paid request."
        ),
        disposition="merge",
        primary_key=("job_id", "role"),
        by_day=by_day,
        columns={**COLUMNS, **({"date_created": "timestamp"} if by_day else {})},
    )
