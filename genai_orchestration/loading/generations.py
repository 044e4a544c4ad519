"""`genai.generations`: one row per job of any provider, rebuilt from the providers' tables.

    job tables ──┐                                            ┌► picture, sha256s, seconds
    requests ────┼─ one SELECT a provider ─► in batches ──────┤
    asset_file ──┘  (what is missing is empty)                └► dlt, which replaces it in one step

A job that was asked for elsewhere is a row without a request key. SQL joins and counts; what each
database would say in another way (JSON, times, lists) is made here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
from dlt.common.schema import Schema
from dlt.extract import DltSource

from genai_orchestration import warehouse
from genai_orchestration.errors import UserError
from genai_orchestration.loading.generations_sql import provider_tables, select_jobs
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.providers.rows import quiet_dlt, to_arrow, typed
from genai_orchestration.providers.sources import resource
from genai_orchestration.settings import DESTINATION_VARIABLE, Settings
from genai_orchestration.warehouse.locks import exclusive
from genai_orchestration.warehouse.select import reading

ROLES = ("grid", "output_1", "banner_1")  # what is shown of a job; else its first file

GENERATIONS = Table(
    name="generations",
    description=(
        "One row per job of any provider: what was asked for, how it ended, what it cost, and its "
        "files. `request_key` is null for a job that this project did not ask for. `seconds` is "
        "from its creation to when its end was seen. `picture` is a path in the archive once the "
        "file is there, and before that the public address, without what signs it; `sha256s` "
        "(JSON) has the checksums of the archived `files`."
    ),
    disposition="replace",
    primary_key=("provider", "kind", "job_id"),
    columns={
        "provider": "text",
        "kind": "text",
        "job_id": "text",
        "request_key": "text",
        "campaign": "text",
        "prompt": "text",
        "state": "text",
        "created_at": "timestamp",
        "finished_at": "timestamp",
        "seconds": "double",
        "credits": "bigint",
        "files": "bigint",
        "sha256s": "json",
        "picture": "text",
        "error_class": "text",
        "error_text": "text",
    },
)


@dataclass(frozen=True)
class OwnDataset:
    """The project's own dataset beside those of the providers."""

    name: str = "genai"
    section: str = "genai_source"
    pipeline: str = "genai_pipeline"
    dataset: str = "genai"
    all_tables: tuple[Table, ...] = (GENERATIONS,)


OWN = OwnDataset()


class NoSql(UserError):
    """The warehouse is files, and cannot join them."""


def is_possible(destination: str) -> bool:
    """Whether a warehouse of that kind can make the table: all can but files."""
    return destination != "filesystem"


def reads_from(provider: Provider, tables: Collection[str]) -> bool:
    """Whether the table is read from one of these tables of the provider."""
    return not set(tables).isdisjoint(provider_tables(provider))


def build(settings: Settings) -> int:
    """Rebuild the table from what is loaded, without a request; how many rows it has."""
    if not is_possible(settings.destination):
        raise NoSql(
            f"genai.generations is made by SQL, and {settings.destination} has none: set "
            f"{DESTINATION_VARIABLE} to a database, such as duckdb."
        )
    # of two that build, the one that has read first must not be the last to write
    with (
        exclusive(settings.dlt_home / "generations.lock", OWN.name),
        warehouse.pipeline(OWN, settings) as pipeline,
    ):
        pipeline.run(source(settings)).raise_on_failed_jobs()
        return warehouse.loaded_row_counts(pipeline).get(GENERATIONS.name, 0)


def source(settings: Settings) -> DltSource:
    """The table as a dlt source, read from the warehouse when it is extracted."""
    quiet_dlt()
    made = resource(GENERATIONS, lambda: _pages(settings))
    return DltSource(Schema(OWN.section), OWN.section, [made])


def _pages(settings: Settings) -> Iterator[pa.Table]:
    with reading(settings) as reader:
        for provider in all_providers() if reader else ():
            assert reader
            present = reader.columns(provider.dataset, list(provider_tables(provider)))
            for found in reader.batches(select_jobs(provider, present)):
                yield _page(provider, found)
    yield to_arrow([], GENERATIONS.columns)  # without any row, too, the table is there to be asked


def _page(provider: Provider, found: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Jobs as the table has them: whole columns, as a history has a million of them."""
    files = [_files(listed) for listed in found["listed"]]
    pictures = zip(files, found["address"], strict=True)
    spans = zip(found["created_at"], found["finished_at"], strict=True)
    errors = zip(found["error_class"], found["error_text"], strict=True)
    columns = {
        **{name: [*values] for name, values in found.items()},
        "provider": [provider.name] * len(files),
        "seconds": [(b - a).total_seconds() if a and b else None for a, b in spans],
        "files": [len(each) for each in files],
        "sha256s": [[sha256 for _, sha256, _ in each] for each in files],
        "picture": [_shown(each) or _address(address) for each, address in pictures],
        "error_class": [error_class or _failure(provider, text) for error_class, text in errors],
    }
    return pa.table(typed(columns, GENERATIONS.columns))


def _failure(provider: Provider, text: str | None) -> str | None:
    """Why a job failed that this project did not ask for."""
    failure_of = provider.loaded_jobs and provider.loaded_jobs.failure
    return failure_of(text).value if text and failure_of else None


def _files(listed: str | None) -> list[tuple[str, str, str]]:
    """Role, checksum and path of each archived file, in the order of their roles."""
    if not listed:
        return []
    split = [tuple(each.split("|")) for each in listed.split()]
    return sorted((role, sha256, path) for role, sha256, path in split)


def _shown(files: list[tuple[str, str, str]]) -> str | None:
    """The path of the file that stands for the job."""
    if not files:
        return None
    by_role = {role: path for role, _, path in files}
    return next((by_role[role] for role in (*ROLES, *by_role) if by_role.get(role)), None)


def _address(value: Any) -> str | None:
    """The first address in what a row has of them, without its query: that may sign it."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        value = orjson.loads(value)
    while isinstance(value, (list, dict)):
        first = value if isinstance(value, list) else [value.get("url") or value.get("cdn_url")]
        value = first[0] if first else None
    return value.partition("?")[0] if isinstance(value, str) and value else None
