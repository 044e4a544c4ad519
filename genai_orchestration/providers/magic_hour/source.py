"""Magic Hour as a dlt source: `credits`, `models`, `status` and `image_projects`.

    ask the path that the seeds name ─► 404 ─► fall back, and say so in `answered_by`
      /v1/credits                             /v1/account has the credits
      /v1/models                              the dated catalogue models.csv beside this file
      /v1/status                              /v1/account answering at all

GET only: nothing here makes an image or spends a credit.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
from dlt.extract import DltSource

from genai_orchestration.errors import counted
from genai_orchestration.providers.base import Account, Finding, Provider, Schedule, Table
from genai_orchestration.providers.http import SENSOR_POLICY, ReadClient
from genai_orchestration.providers.magic_hour.api import ACCOUNT, BALANCE, connect, model_list
from genai_orchestration.providers.magic_hour.catalogue import catalogue
from genai_orchestration.providers.magic_hour.files import archive
from genai_orchestration.providers.magic_hour.jobs import LOADED, image_projects
from genai_orchestration.providers.magic_hour.operations import OPERATIONS
from genai_orchestration.providers.magic_hour.submission import MagicHourSubmitter
from genai_orchestration.providers.magic_hour.tables import (
    CREDITS,
    IMAGE_PROJECTS,
    MODELS,
    STATUS,
    STATUSES,
)
from genai_orchestration.providers.refusals import NotFound, RateLimited, Unavailable
from genai_orchestration.providers.rows import to_arrow, warn_of_new_fields
from genai_orchestration.providers.sources import account_of, resource, source_of
from genai_orchestration.providers.work import FinishedJob

logger = logging.getLogger(__name__)


def magic_hour_source(
    api_key: str | None = None,
    base_url: str | None = None,
    *,
    finished: Sequence[FinishedJob] = (),
) -> DltSource:
    """Magic Hour's free reads, and its own jobs that are over.

    `finished` are the image projects to load, as the ledger keeps them: Magic Hour lists none.
    Without `api_key` and `base_url` dlt's configuration decides, section
    `sources.magic_hour_source`; the base URL may end in /v1 or not. Raises ProviderError in words.
    """
    account = account_of(PROVIDER, api_key, base_url)
    client = connect(account.api_key, account.base_url)
    return source_of(
        PROVIDER,
        resource(CREDITS, lambda: credits(client)),
        resource(MODELS, lambda: models(client)),
        resource(STATUS, lambda: status(client)),
        resource(IMAGE_PROJECTS, lambda: projects(finished)),
    )


def examine(account: Account) -> Iterator[Finding]:
    """Whether the account answers to this key, and what it has to spend."""
    client = connect(account.api_key, account.base_url, SENSOR_POLICY)
    answer = client.get_object(ACCOUNT, needs=BALANCE)
    yield Finding.good(
        f"Magic Hour answers at {client.base_url}: {counted(answer['credits'], 'credit')}, "
        f"tier {answer.get('tier')}."
    )


def credits(client: ReadClient) -> Iterator[pa.Table]:
    """The balance now: one row.

    The answer of /v1/account is {"credits": 380, "email": null, "id": "cmacct02", "subscription":
    null, "tier": "free"}.
    """
    answer, path = _first_of(client, "v1/credits", needs=BALANCE)
    yield _table(CREDITS, [{"read_at": _now(), **answer, "answered_by": f"/{path}"}])


def models(client: ReadClient) -> Iterator[pa.Table]:
    """The models: Magic Hour's own list if it has one, else the shipped catalogue."""
    try:
        listed = client.read("v1/models", shape=model_list)
    except NotFound:
        yield _table(MODELS, catalogue())
        return
    yield _table(MODELS, [{**model, "answered_by": "/v1/models"} for model in listed])


def projects(finished: Sequence[FinishedJob]) -> Iterator[pa.Table]:
    """The finished projects, a row each; of one that is GONE only what the ledger knows.

    A record is the answer of /v1/image-projects/{id}: {"id": "cmz4k1p0", "name": "bf-hero-v3",
    "status": "complete", "image_count": 2, "type": "AI_IMAGE", "enabled": true, "error": null,
    "created_at": "2026-11-20T09:14:02.118Z", "total_frame_cost": 10, "credits_charged": 10,
    "downloads": [{"url": "https://...", "expires_at": "2026-11-21T09:22:00.000Z"}, ...]}.
    """
    rows = [
        {
            **(job.record or {}),
            "id": job.job_id,
            "request_key": job.request_key,
            "status": job.raw,
            "state": job.state.value,
            "error_class": job.error_class,
            "accepted_at": job.accepted_at,
            "finished_at": job.finished_at,
        }
        for job in finished
    ]
    yield _table(IMAGE_PROJECTS, rows)  # also without any: the table is there, to be asked


def status(client: ReadClient) -> Iterator[pa.Table]:
    """Whether the API answers now: one row, also when it does not."""
    started = time.monotonic()
    try:
        answer, path = _first_of(client, "v1/status", needs=["status"])
        said = answer if path == "v1/status" else {}
        row = {"status": "up", **said, "answered_by": f"/{path}"}
    except RateLimited as error:  # it does answer
        row = {"status": "up", "message": str(error), "answered_by": f"/{ACCOUNT}"}
    except Unavailable as error:
        row = {"status": "down", "message": str(error), "answered_by": f"/{ACCOUNT}"}
    taken = round(1000 * (time.monotonic() - started))
    yield _table(STATUS, [{"read_at": _now(), "milliseconds": taken, **row}])


def _first_of(
    client: ReadClient, documented: str, *, needs: Sequence[str]
) -> tuple[Mapping[str, Any], str]:
    try:
        return client.get_object(documented, needs=needs), documented
    except NotFound:
        return client.get_object(ACCOUNT, needs=BALANCE), ACCOUNT


def _table(table: Table, records: list[dict[str, Any]]) -> pa.Table:
    warn_of_new_fields(logger, "Magic Hour", table.name, records, table.columns)
    return to_arrow(records, table.columns)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _account() -> Account:
    return account_of(PROVIDER, None, None)


PROVIDER = Provider(
    name="magic_hour",
    title="Magic Hour",
    package="genai_orchestration.providers.magic_hour",
    base_url="https://api.magichour.ai",
    paths=("v1",),
    source=magic_hour_source,
    statuses=STATUSES,
    examine=examine,
    tables=(CREDITS, MODELS, STATUS, IMAGE_PROJECTS),
    operations=OPERATIONS,
    submitter=lambda: MagicHourSubmitter(_account()),
    job_kinds=(image_projects(_account),),
    archive=archive(_account),
    loaded_jobs=LOADED,
    schedules=(Schedule(name="magic_hour_hourly", cron="5 * * * *"),),
)
