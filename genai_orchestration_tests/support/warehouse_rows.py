"""Rows put straight into a provider's tables, as a load would leave them."""

from collections.abc import Sequence
from typing import Any

from genai_orchestration import warehouse
from genai_orchestration.loading.generations import GENERATIONS, OWN
from genai_orchestration.loading.request_rows import request_table
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.providers.rows import to_arrow
from genai_orchestration.providers.sources import resource, source_of
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse.select import reading

ASSET_FILE = Table(
    name="asset_file",
    description="Files in the archive.",
    disposition="merge",
    primary_key=("job_id", "role"),
    columns={
        "job_id": "text",
        "kind": "text",
        "role": "text",
        "source_url": "text",
        "sha256": "text",
        "bytes": "bigint",
        "content_type": "text",
        "width": "bigint",
        "height": "bigint",
        "archived_path": "text",
        "archived_at": "timestamp",
        "state": "text",
        "reason": "text",
        "request_key": "text",
    },
)


def put(settings: Settings, provider: str, table: str, *records: dict[str, Any]) -> None:
    """Merge the records into the provider's table of that name."""
    owner = provider_named(provider)
    shape = _table(owner, table)
    pages = [to_arrow(records, shape.columns)]
    with warehouse.pipeline(owner, settings) as pipeline:
        pipeline.run(source_of(owner, resource(shape, lambda: pages))).raise_on_failed_jobs()


def generations(settings: Settings) -> dict[str, dict[str, Any]]:
    """The rows of the table of generations, by job id."""
    with reading(settings) as reader:
        assert reader
        rows: Sequence[dict[str, Any]] = list(
            reader.rows(f"SELECT * FROM {OWN.dataset}.{GENERATIONS.name}")
        )
    found = {row["job_id"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def _table(owner: Provider, name: str) -> Table:
    operations = {operation.name: operation for operation in owner.operations}
    if name in operations:
        return request_table(owner, operations[name])
    own = {table.name: table for table in owner.all_tables}
    return own.get(name, ASSET_FILE)
