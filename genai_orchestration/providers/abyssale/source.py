"""Abyssale as a dlt source: snapshots of designs, projects and fonts, details, files, credits.

    designs ─► snapshot ─────────────────────────────► table designs (replaced in one step)
          └──► changed since the stored detail? ─GET─► table design_detail
          └──► stored, but not listed any more ──────► deleted from design_detail

GET only: nothing here generates a banner or spends a credit.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.extract import DltSource

from genai_orchestration.errors import counted
from genai_orchestration.providers import shapes
from genai_orchestration.providers.abyssale.api import (
    REQUESTS_PER_SECOND,
    connect,
    credit_pools,
    dated_designs,
    latest_change,
)
from genai_orchestration.providers.abyssale.files import ARCHIVE
from genai_orchestration.providers.abyssale.generation import OPERATIONS
from genai_orchestration.providers.abyssale.jobs import LOADED, generation_requests
from genai_orchestration.providers.abyssale.pages import in_batches, read_each, to_page
from genai_orchestration.providers.abyssale.submission import AbyssaleSubmitter
from genai_orchestration.providers.abyssale.tables import (
    CREDITS,
    DESIGN_DETAIL,
    DESIGNS,
    FILE,
    FONTS,
    PROJECTS,
    TABLES,
)
from genai_orchestration.providers.base import (
    Account,
    ChangeWatch,
    Finding,
    Provider,
    Schedule,
    Table,
)
from genai_orchestration.providers.http import SENSOR_POLICY, ReadClient
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.rows import Record, to_arrow
from genai_orchestration.providers.sources import (
    account_of,
    active_pipeline,
    once,
    resource,
    setting,
    source_of,
)
from genai_orchestration.providers.work import FinishedJob


def abyssale_source(
    api_key: str | None = None,
    base_url: str | None = None,
    *,
    banner_ids: Sequence[str] | None = None,
    finished: Sequence[FinishedJob] = (),
) -> DltSource:
    """Abyssale's free reads, and the banners of its own generation requests.

    `finished` are generation requests that are over, as the ledger keeps them. `banner_ids` are
    further banners whose `file` is loaded (by default `banner_ids` of the configuration): Abyssale
    cannot list them. Without `api_key` and `base_url` dlt's configuration decides, section
    `sources.abyssale_source`. Raises ProviderError in words.
    """
    account = account_of(PROVIDER, api_key, base_url)
    client = connect(account.api_key, account.base_url)
    ids = banner_ids if banner_ids is not None else configured_banners()
    return source_of(
        PROVIDER,
        resource(DESIGNS, lambda: snapshot(client, DESIGNS)),
        resource(DESIGN_DETAIL, lambda: design_details(client)),
        resource(PROJECTS, lambda: snapshot(client, PROJECTS)),
        resource(FONTS, lambda: snapshot(client, FONTS)),
        resource(FILE, lambda: files(client, ids, finished)),
        resource(CREDITS, lambda: credits(client)),
    )


def designs_version() -> str:
    """Another text whenever a design of the configured workspace is made, changed or deleted."""
    account = account_of(PROVIDER, None, None)
    total, newest = latest_change(connect(account.api_key, account.base_url, SENSOR_POLICY))
    changed = datetime.fromtimestamp(newest, timezone.utc)
    return f"{counted(total, 'design')}, newest change {changed:%Y-%m-%d %H:%M:%S} UTC"


def examine(account: Account) -> Iterator[Finding]:
    """Whether the workspace answers to this key, and what it has to spend."""
    client = connect(account.api_key, account.base_url, SENSOR_POLICY)
    total, _ = latest_change(client)
    available = client.read("credits", shape=credit_pools)["generation_credits"]["available"]
    left = "generation credits without a limit"
    if available is not None:
        left = counted(available, "generation credit")
    yield Finding.good(
        f"Abyssale answers at {account.base_url}: {counted(total, 'design')}, {left}."
    )


def configured_banners() -> list[str]:
    """`banner_ids` of the configuration: a list, or a string with commas from the environment."""
    configured = setting(PROVIDER, "banner_ids") or []
    if isinstance(configured, str):
        configured = configured.strip("[]").replace('"', "").split(",")
    if not isinstance(configured, list):
        raise WrongSetting(
            f"Abyssale's banner_ids {str(configured)[:40]!r} is no list: write it like "
            f'["<id>", "<id>"] in [sources.{PROVIDER.section}].'
        )
    return [str(banner).strip() for banner in configured if str(banner).strip()]


def design_details(client: ReadClient) -> Iterator[pa.Table]:
    """The details of designs that changed since they were stored, and the ids of deleted ones."""
    listed = {
        design["id"].lower(): design for design in client.read("designs", shape=dated_designs)
    }
    stored = _stored_details()
    deleted = [{"id": id_, "deleted": True} for id_ in stored.keys() - listed.keys()]
    if deleted:
        yield to_arrow(deleted, DESIGN_DETAIL.columns)
    changed = [
        design["id"] for id_, design in listed.items() if stored.get(id_) != _version(design)
    ]
    yield from in_batches(DESIGN_DETAIL, read_each(client, "designs/{}", changed))


def files(
    client: ReadClient, banner_ids: Sequence[str], finished: Sequence[FinishedJob] = ()
) -> Iterator[pa.Table]:
    """The banners of finished requests, and those with these ids; unknown ids are warned of.

    A banner, with shortened ids and URLs: {"id": "e41c", "version": 1, "sharing_id": "5fce",
    "file": {"type": "png", "url": "https://...", "cdn_url": "https://...", "filename": "a.png"},
    "format": {"id": "facebook-feed", "unit": "px", "width": 1200, "height": 628}, ...}.
    """
    made = (
        {**banner, "request_key": job.request_key, "generation_request_id": job.job_id}
        for job in finished
        for banner in (job.record or {}).get("banners") or ()
    )
    yield from in_batches(FILE, made)
    further = list(dict.fromkeys(banner.lower() for banner in banner_ids))
    yield from in_batches(FILE, read_each(client, "banners/{}", further))


def credits(client: ReadClient) -> Iterator[pa.Table]:
    """Both credit pools now, as one row; null is unlimited.

    The answer is {"generation_credits": {"available": 120, "limit": 500, "consumed": 380,
    "extra": 0}, "ai_credits": {...}, "version": "v2026-10-21"}.
    """
    answer = client.read("credits", shape=credit_pools)
    row: dict[str, Any] = {"read_at": datetime.now(timezone.utc)}
    for pool in ("generation_credits", "ai_credits"):
        row |= {f"{pool}_{name}": value for name, value in (answer.get(pool) or {}).items()}
    rest = {name: value for name, value in answer.items() if not isinstance(value, dict)}
    yield to_arrow([{**row, **rest}], CREDITS.columns)


def snapshot(client: ReadClient, table: Table) -> Iterator[pa.Table]:
    """A whole list: without `page` it comes complete, in one answer; fonts are never none.

    A design in it, with a shortened id: {"id": "0b6f6d0e", "name": "Black Friday hero", "type":
    "static", "created_at": 1788134400, "updated_at": 1795132801, "project_id": "5f0c1f52", ...}.
    """
    shape = shapes.records(key="id", empty=table is not FONTS)
    yield from to_page(table, once(client.read(table.name, shape=shape), table))


def _version(design: Record) -> tuple[Any, ...]:
    """What distinguishes one state of a design from another; a rename may not move `updated_at`."""
    project = design.get("project_id")
    return (
        datetime.fromtimestamp(design["updated_at"], timezone.utc),
        design.get("name"),
        project.lower() if isinstance(project, str) else project,
    )


def _stored_details() -> dict[str, tuple[Any, ...]]:
    """Versions of the details in the warehouse: the data itself, so that no crash can lie."""
    pipeline = active_pipeline()
    if (
        pipeline is None
        or not pipeline.default_schema_name
        or DESIGN_DETAIL.name not in pipeline.default_schema.tables
    ):
        return {}
    try:
        rows = pipeline.dataset()(
            f"SELECT id, updated_at, name, project_id FROM {DESIGN_DETAIL.name}"  # noqa: S608 own name
        ).fetchall()
    except DatabaseUndefinedRelation:
        return {}
    return {row[0]: tuple(row[1:]) for row in rows}


def _account() -> Account:
    return account_of(PROVIDER, None, None)


PROVIDER = Provider(
    name="abyssale",
    title="Abyssale",
    package="genai_orchestration.providers.abyssale",
    base_url="https://api.abyssale.com",
    paths=("v1", "designs", "projects", "fonts", "credits", "banners", "banner-builder", "async"),
    source=abyssale_source,
    settings=(configured_banners,),
    examine=examine,
    tables=TABLES,
    operations=OPERATIONS,
    submitter=lambda: AbyssaleSubmitter(_account()),
    job_kinds=(generation_requests(_account),),
    archive=ARCHIVE,
    loaded_jobs=LOADED,
    posts_per_second=REQUESTS_PER_SECOND,
    change_watch=ChangeWatch(
        sensor="abyssale_designs_sensor",
        tables=("designs", "design_detail", "projects"),
        version=designs_version,
    ),
    schedules=(Schedule(name="abyssale_daily", cron="0 2 * * *"),),
)
