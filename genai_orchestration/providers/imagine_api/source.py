"""ImagineAPI (Midjourney over REST) as a dlt source: `images` by day or by id, and `status`.

GET only: nothing here creates an image. One row per image, its nested values as JSON columns.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timezone
from typing import Any

import dlt
import pyarrow as pa
import sqlglot
from dlt.extract import DltSource

from genai_orchestration.providers.base import Account, DayWatch, Provider, Schedule
from genai_orchestration.providers.http import LOAD_POLICY, SENSOR_POLICY, RetryPolicy
from genai_orchestration.providers.imagine_api import api, jobs, listing
from genai_orchestration.providers.imagine_api.client import ImageClient
from genai_orchestration.providers.imagine_api.counter import ImageCounter
from genai_orchestration.providers.imagine_api.doctor import examine
from genai_orchestration.providers.imagine_api.files import ARCHIVE
from genai_orchestration.providers.imagine_api.operations import OPERATIONS
from genai_orchestration.providers.imagine_api.pages import IdOrder
from genai_orchestration.providers.imagine_api.rows import image_table
from genai_orchestration.providers.imagine_api.submission import ImagineApiSubmitter
from genai_orchestration.providers.imagine_api.tables import IMAGES, STATUS, STATUSES
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.rows import to_arrow
from genai_orchestration.providers.sources import (
    account_of,
    active_pipeline,
    resource,
    setting,
    source_of,
)
from genai_orchestration.providers.states import TERMINAL

BEGINNING = date(2023, 1, 1)  # ImagineAPI opened in March 2023: nothing can be older
POSSIBLE = (date(1970, 1, 1), date(2999, 12, 31))  # what `start_date` may be
ROWS_PER_TABLE = 5_000  # records in an Arrow table, at least
IN_FLIGHT = 3  # Midjourney's smaller plans run three at once, and a fourth is known to fail

logger = logging.getLogger(__name__)


def imagine_api_source(
    api_key: str | None = None,
    base_url: str | None = None,
    *,
    start: date | str | None = None,
    end: date | str | None = None,
    ids: Sequence[str] | None = None,
    finished_only: bool = False,
) -> DltSource:
    """ImagineAPI's free reads.

    `start` (inclusive, by default `start_date` of the configuration) and `end` (exclusive) are UTC
    days of `date_created`, as dates or like "2026-11-01"; `ids` loads these images instead.
    `finished_only` leaves out images that are still open. Without `api_key` and `base_url` dlt's
    configuration decides, section `sources.imagine_api_source`. Raises ProviderError in words.
    """
    account = account_of(PROVIDER, api_key, base_url)
    client = api.connect(account.api_key, account.base_url)
    window = api.Window(_day(start) or start_date(), _day(end))
    chosen = None if ids is None else tuple(dict.fromkeys(ids))
    return source_of(
        PROVIDER,
        resource(IMAGES, lambda: images(client, window, chosen, finished_only)),
        resource(STATUS, lambda: status(client)),
    )


def image_counter(policy: RetryPolicy = SENSOR_POLICY) -> ImageCounter:
    """The configured account's images, to be counted."""
    account = account_of(PROVIDER, None, None)
    return ImageCounter(api.connect(account.api_key, account.base_url, policy))


def in_no_day(start: date, end: date) -> Mapping[str, int]:
    """The account's images that no day from `start` to before `end` holds, by the reason why.

    A person who has configured `start_date` leaves out older images on purpose.
    """
    chosen = setting(PROVIDER, "start_date") is not None
    return image_counter(LOAD_POLICY).in_no_day(None if chosen else start, end)


def start_date() -> date:
    """The first day that is loaded: `start_date` of the configuration, else 2023-01-01."""
    configured = setting(PROVIDER, "start_date")
    try:
        day = _day(configured) or BEGINNING
        if not POSSIBLE[0] <= day <= POSSIBLE[1]:
            raise WrongSetting(f"'{day}' is in no century of images: write it like 2024-01-31.")
    except WrongSetting as error:
        raise WrongSetting(
            f"ImagineAPI's start_date: {error} It is in [sources.imagine_api_source]."
        ) from None
    return day


def _day(value: Any) -> date | None:
    """A date, or one in words; WrongSetting when it is neither."""
    if value is None or type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise WrongSetting(f"{str(value)!r} is not a day: write it like 2024-01-31.") from None


def images(
    client: ImageClient, window: api.Window, ids: Sequence[str] | None, finished_only: bool
) -> Iterator[Any]:
    """Arrow tables of images: of a window of days, or those with the given ids."""
    now = datetime.now(timezone.utc)
    filters = [api.FINISHED] if finished_only else []
    if ids is None:
        pages = listing.read_window(client, window, *filters, now=now)
    else:
        pages = listing.read_ids(client, ids)
    found: set[str] = set()
    order = IdOrder()
    # finished rows of other days cannot come again, and need not be compared
    among = window.condition() if ids is None else "TRUE"
    unique: bool | None = None  # what dlt got last: it reads its configuration for each hint
    for records in _together(pages):
        found.update(record["id"] for record in records if ids is not None)
        before, unique = unique, order.keeps(records)
        table = image_table(records)
        if before == unique:
            yield table
        else:
            hints = dlt.mark.make_hints(write_disposition=_disposition(among, unique=unique))
            yield dlt.mark.with_hints(table, hints)
        if undated := [record["id"] for record in records if not record["date_created"]]:
            logger.warning("Without date_created, and so in no day: %s", ", ".join(undated))
    if absent := sorted({id_.lower() for id_ in ids or ()} - found):
        logger.warning("ImagineAPI has no such image of this account: %s", ", ".join(absent))


def _together(pages: Iterable[api.Page]) -> Iterator[api.Page]:
    """The pages' records, some thousands at a time: dlt works out a schema for each table."""
    records: api.Page = []
    for page in pages:
        records += page
        if len(records) >= ROWS_PER_TABLE:
            yield records
            records = []
    if records:
        yield records


def status(client: ImageClient) -> Iterator[pa.Table]:
    """The bot's health now: one row.

    The answer is {"data": {"id": 1, "bot_status": "healthy", "message": null, "date_created":
    "2023-04-05T15:47:43.573Z", "date_updated": "2023-04-26T05:33:17.683Z", ...}}.
    """
    answer = client.get_object("items/status", at="data", needs=api.BOT)
    yield to_arrow([{"read_at": datetime.now(timezone.utc), **answer}], STATUS.columns)


def _disposition(among: str, *, unique: bool) -> Any:
    """Merge on `id`, but over a finished row only another whose `status` says so itself.

    `among` is a condition, in DuckDB's SQL, for the stored rows that can be met. `unique` says that
    no id comes twice in what is loaded: searching for such takes a third of the load step.

    A late progress report has four pictures, and so is SUCCEEDED, but its `url` is a partial one.
    The condition is evaluated by dlt inside the merge's own transaction, so that it also holds
    against another run that stored the finished image after this one had read the open one.
    """
    pipeline = active_pipeline()
    if pipeline is None:
        return "merge"
    if not pipeline.destination or pipeline.destination.destination_name == "filesystem":
        return "merge"  # files cannot be asked
    table = f"{pipeline.dataset_name}.{IMAGES.name}"
    stored = f"SELECT id FROM {table} WHERE state IN {TERMINAL} AND {among}"  # noqa: S608 own names
    over = f"status IN {api.FINISHED_WORDS} OR id NOT IN ({stored})"
    dialect = pipeline.destination.capabilities().sqlglot_dialect or "duckdb"
    return {
        "disposition": "merge",
        "strategy": "delete-insert",
        "deduplicated": unique,
        "source_filter": sqlglot.transpile(over, read="duckdb", write=dialect)[0],
    }


def _account() -> Account:
    return account_of(PROVIDER, None, None)


PROVIDER = Provider(
    name="imagine_api",
    title="ImagineAPI",
    package="genai_orchestration.providers.imagine_api",
    base_url="https://cl.imagineapi.dev",
    paths=("items", "assets", "admin"),
    source=imagine_api_source,
    statuses=STATUSES,
    examine=examine,
    tables=(IMAGES, STATUS),
    operations=OPERATIONS,
    submitter=lambda: ImagineApiSubmitter(_account()),
    job_kinds=(jobs.images(_account),),
    loaded_jobs=jobs.LOADED,
    in_flight=IN_FLIGHT,
    start=start_date,
    beginning=BEGINNING,
    archive=ARCHIVE,
    day_watch=DayWatch(
        sensor="imagine_api_images_sensor",
        table="images",
        noun="images",
        connect=image_counter,
        in_no_day=in_no_day,
    ),
    schedules=(
        # an hour into the day: yesterday's last images are decided, late rows have appeared
        Schedule(name="imagine_api_daily", cron="0 1 * * *", tables=("images",)),
        Schedule(name="imagine_api_status_every_5_minutes", cron="*/5 * * * *", tables=("status",)),
    ),
)
