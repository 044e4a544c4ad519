"""ImagineAPI's address, key, errors and filters: Directus, as a customer may use it.

Sources of the facts here: the vendor's published code and a real Directus. Every filter goes out
as JSON, because Directus 9 answers the indexed bracket form with an empty list from 22 ids on.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import Any

import orjson
import requests

from genai_orchestration.providers.http import LOAD_POLICY, RetryPolicy
from genai_orchestration.providers.imagine_api.client import Forbidden, ImageClient, InvalidQuery
from genai_orchestration.providers.imagine_api.tables import STATUSES
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.refusals import (
    NotFound,
    OutOfCredits,
    ProviderError,
    WrongSetting,
    refusal,
)
from genai_orchestration.providers.work import id_in

TITLE = "ImagineAPI"
SECTION = "imagine_api_source"
ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
BOT = ("bot_status",)  # what items/status says at least
FINISHED_WORDS = tuple(word for word, state in STATUSES.items() if state.terminal)
# A late progress report may put a completed image back to in-progress; its four pictures stay.
# Never `"_null": False` or `"_nnull": False`: of either, 9.23.1 makes `IS NULL` and `IS NOT NULL`,
# which match every image inside of `_or`, and none outside of it.
FINISHED: Mapping[str, Any] = {
    "_or": [{"status": {"_in": [*FINISHED_WORDS]}}, {"upscaled_urls": {"_nnull": True}}]
}
UNFINISHED: Mapping[str, Any] = {
    "_and": [
        # in SQL, a null is not among the words that are not in a list
        {"_or": [{"status": {"_nin": [*FINISHED_WORDS]}}, {"status": {"_null": True}}]},
        {"upscaled_urls": {"_null": True}},
    ]
}
UNDATED: Mapping[str, Any] = {"date_created": {"_null": True}}

Record = dict[str, Any]
Page = list[Record]


@dataclass(frozen=True)
class Window:
    """UTC days of `date_created`: `start` inclusive, `end` exclusive; None is without end."""

    start: date
    end: date | None = None

    def filter(self, since: str | None = None) -> Mapping[str, Any]:
        """The window as a Directus filter; `since`, an instant as received, moves its start."""
        bounds = {"_gte": since or instant(self.start)}
        if self.end:
            bounds["_lt"] = instant(self.end)
        return {"_and": [{"date_created": {operator: at}} for operator, at in bounds.items()]}

    def condition(self) -> str:
        """The window as SQL of DuckDB, for rows that are loaded already."""
        since = f"date_created >= TIMESTAMPTZ '{self.start} 00:00:00+00'"
        until = f" AND date_created < TIMESTAMPTZ '{self.end} 00:00:00+00'" if self.end else ""
        return since + until


def instant(day: date) -> str:
    """The first instant of a UTC day in the `Z` form: an unencoded `+00:00` gives wrong rows."""
    return f"{day.isoformat()}T00:00:00.000Z"


def connect(api_key: str, base_url: str, policy: RetryPolicy = LOAD_POLICY) -> ImageClient:
    """A read client for the ImagineAPI server at `base_url`."""
    return ImageClient(
        title=TITLE,
        section=SECTION,
        base_url=base_url,
        auth=KeyAuth("Authorization", f"Bearer {api_key}"),
        classify=_classify,
        # a self-hosted server's cache may be five minutes old; this bypasses and refreshes it
        headers={"Cache-Control": "no-store"},
        policy=policy,
    )


def account_of(client: ImageClient) -> str | None:
    """The id of the key's user, which its tokens share; None where the role may not read it.

    Directus answers `/users/me` with the id alone where the role may not read its own user.
    """
    try:
        return id_in(client.get_object("users/me", {"fields": "id"}, at="data").get("id"))
    except (WrongSetting, NotFound):  # a server in front of it that lets only /items through
        client.images(fields="id", limit=0)
        return None


def newest_picture(client: ImageClient) -> str | None:
    """The stored address of the newest finished picture; None when there is none."""
    found = client.images(fields="url", sort="-date_created", limit=1, filter=all_of([FINISHED]))
    return found[0]["url"] if found else None


def sent(moment: datetime) -> str:
    """A moment in the form that ImagineAPI sends: UTC, milliseconds, `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def parsed(moment: str) -> datetime:
    """A `date_created` as an aware datetime."""
    aware = datetime.fromisoformat(zoned(moment).replace("Z", "+00:00"))
    return aware.astimezone(timezone.utc)


def zoned(moment: str) -> str:
    """A `date_created` with its zone: one that comes without is UTC, as Directus' filters take it.

    It comes without from a column that has none, such as `timestamp` of PostgreSQL.
    """
    return moment if ZONE.search(moment) else f"{moment}Z"


def all_of(filters: Sequence[Mapping[str, Any]]) -> str:
    """One `filter` parameter for what meets all of `filters`."""
    return orjson.dumps({"_and": list(filters)}).decode()


def uncached(filters: Sequence[Mapping[str, Any]]) -> str:
    """As `all_of`, for a question whose "not there" counts: no cache has its answer.

    It is true of the same records, and never the same twice. Directus 11 with CACHE_ENABLED answers
    the same query from its cache for minutes, whatever the headers say.
    """
    return all_of([*filters, {"id": {"_neq": str(uuid.uuid4())}}])


def _classify(answer: requests.Response, message: str) -> ProviderError | None:
    """What a status means here and nowhere else: Directus has codes, and two of them mislead."""
    try:
        code = answer.json()["errors"][0]["extensions"]["code"]
    except (ValueError, LookupError, TypeError):
        return None
    if code == "IMAGE_ERROR":  # answers 429, but never goes away
        return OutOfCredits(f"ImagineAPI refuses: {message} (the demo account's limit of images).")
    if code == "FORBIDDEN":
        where = answer.url.split("?")[0]
        return Forbidden(str(refusal(TITLE, f"[sources.{SECTION}]", where, answer, message)))
    if code == "INVALID_QUERY":
        return InvalidQuery(message)
    return None
