"""ImagineAPI's questions and answers: Directus filters, counts, and lists read in a stable order.

    Window ─► count ─► pages of 1,000, fetched ahead ─► every record once, oldest first

Sources of the facts below: the vendor's published code and a real Directus. Every filter goes out
as JSON, because Directus 9 answers the indexed bracket form with an empty list from 22 ids on.
"""

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, TypeVar

import orjson
import requests

from genai_orchestration.providers.base import Counts
from genai_orchestration.providers.http import (
    PATIENT,
    KeyAuth,
    OutOfCredits,
    Pace,
    ProviderError,
    ReadClient,
    Unavailable,
    WrongSetting,
)

PAGE = 1000  # records per request; the server's own default is 100
SMALL_PAGE = 100  # for servers whose QUERY_LIMIT_MAX refuses more
AHEAD = 8  # pages fetched while earlier ones are written
IDS_PER_REQUEST = 100  # 37 bytes each: 3.7 KB, where common proxies stop at 8 KB
LATE = timedelta(minutes=10)  # `date_created` is stamped before commit: rows appear late behind it
RESTARTS = 1000  # of one list whose pages move under the reader, before giving up

FINISHED_WORDS = ("completed", "failed")
# A late progress report may put a completed image back to in-progress; its four pictures stay.
FINISHED: Mapping[str, Any] = {
    "_or": [{"status": {"_in": [*FINISHED_WORDS]}}, {"upscaled_urls": {"_null": False}}]
}
UNFINISHED: Mapping[str, Any] = {
    "_and": [{"status": {"_nin": [*FINISHED_WORDS]}}, {"upscaled_urls": {"_null": True}}]
}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Record = dict[str, Any]
Page = list[Record]
T = TypeVar("T")
R = TypeVar("R")


class InvalidQuery(WrongSetting):
    """The server does not take a query parameter's value, such as a limit above its maximum."""


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


def instant(day: date) -> str:
    """The first instant of a UTC day in the `Z` form: an unencoded `+00:00` gives wrong rows."""
    return f"{day.isoformat()}T00:00:00.000Z"


def connect(api_key: str, base_url: str, pace: Pace = PATIENT) -> ReadClient:
    """A read client for the ImagineAPI server at `base_url`."""
    return ReadClient(
        title="ImagineAPI",
        section="imagine_api_source",
        base_url=base_url,
        auth=KeyAuth("Authorization", f"Bearer {api_key}"),
        classify=_classify,
        # a self-hosted server's cache may be five minutes old; this bypasses and refreshes it
        headers={"Cache-Control": "no-store"},
        pace=pace,
    )


def count(client: ReadClient, *filters: Mapping[str, Any]) -> int:
    """How many own images match all `filters`: one answer of some 50 bytes.

    A server that refuses to count is read instead, ids only.
    """
    try:
        answer = client.get_json(
            "items/images", {"limit": 0, "meta": "filter_count", "filter": _all(filters)}
        )
        return int(answer["meta"]["filter_count"])
    except (WrongSetting, KeyError, TypeError):
        pages = read(client, *filters, fields="id,date_created", counted=False)
        return sum(len(page) for page in pages)


@dataclass(frozen=True)
class ImageCounter:
    """The account's images, counted by UTC day of `date_created`."""

    client: ReadClient

    def counts(self, start: date, end: date | None) -> Counts:
        """Open images first: one that finishes in between is counted twice, not never."""
        window = Window(start, end).filter()
        unfinished = count(self.client, window, UNFINISHED)
        return Counts(unfinished, count(self.client, window, FINISHED))

    def unfinished_days(self, start: date, end: date) -> list[date]:
        """One small request for each such day, however many images it has."""
        days: list[date] = []
        while start < end and (found := self._oldest(Window(start, end))):
            days.append(found.date())
            start = found.date() + timedelta(days=1)
        return days

    def oldest_unfinished(self, start: date) -> datetime | None:
        """`date_created` of the oldest open image since `start`."""
        return self._oldest(Window(start))

    def _oldest(self, window: Window) -> datetime | None:
        params = {
            "fields": "date_created",
            "sort": "date_created",
            "limit": 1,
            "filter": _all([window.filter(), UNFINISHED]),
        }
        found = self.client.get_json("items/images", params)["data"]
        return parsed(found[0]["date_created"]) if found else None


def newest_picture(client: ReadClient) -> str | None:
    """The stored address of the newest finished picture; None when there is none."""
    params = {"fields": "url", "sort": "-date_created", "limit": 1, "filter": _all([FINISHED])}
    found = client.get_json("items/images", params)["data"]
    return found[0]["url"] if found else None


def _sent(moment: datetime) -> str:
    """A moment in the form that ImagineAPI sends: UTC, milliseconds, `Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def parsed(moment: str) -> datetime:
    """A `date_created` as an aware datetime."""
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone(timezone.utc)


def read_window(
    client: ReadClient, window: Window, *filters: Mapping[str, Any], now: datetime
) -> Iterator[Page]:
    """Every image of the window, oldest first, then those that came late while it was read."""
    late_since = max(_sent(now - LATE), instant(window.start))
    recent: set[str] = set()
    for page in read(client, window.filter(), *filters):
        recent.update(record["id"] for record in page if record["date_created"] >= late_since)
        yield page
    if window.end is None or instant(window.end) > late_since:
        for page in read(client, window.filter(late_since), *filters):
            yield [record for record in page if record["id"] not in recent]


def read(
    client: ReadClient, *filters: Mapping[str, Any], fields: str = "*", counted: bool = True
) -> Iterator[Page]:
    """Every image that matches, in the order of (`date_created`, `id`), each once.

    Pages overlap by one record. Where the first of a page is not the last of the page before,
    records were added or deleted in between and the pages have moved: the list is then read on
    from the last `date_created` seen.
    """
    since: str | None = None  # the newest `date_created` given out
    ties: set[str] = set()  # the records of that very millisecond that were given out
    for _ in range(RESTARTS):
        following = [*filters, {"date_created": {"_gte": since}}] if since else filters
        last: str | None = None
        for page in _pages(client, following, fields, counted):
            if last and (not page or page[0]["id"] != last):
                break
            fresh = [record for record in page[1 if last else 0 :] if record["id"] not in ties]
            if page:
                last, newest = page[-1]["id"], page[-1]["date_created"]
                ties = ties if newest == since else set()
                ties.update(record["id"] for record in page if record["date_created"] == newest)
                since = newest
            yield fresh
        else:
            return
    raise Unavailable("ImagineAPI's list of images changes faster than it can be read; try again.")


def read_ids(client: ReadClient, ids: Sequence[str]) -> Iterator[Page]:
    """The images with these ids; deleted and foreign ones are simply absent from the answers."""
    for wrong in (id_ for id_ in ids if not _UUID.fullmatch(id_)):
        # one of them makes the server refuse the whole list
        raise WrongSetting(f"{wrong!r} is not an ImagineAPI image id: they are UUIDs.")
    for start in range(0, len(ids), IDS_PER_REQUEST):
        chunk = list(ids[start : start + IDS_PER_REQUEST])
        params = {"filter": _all([{"id": {"_in": chunk}}]), "limit": len(chunk)}
        yield client.get_json("items/images", params)["data"]


def _pages(
    client: ReadClient, filters: Sequence[Mapping[str, Any]], fields: str, counted: bool
) -> Iterator[Page]:
    """Pages that overlap by one record, up to and including the first short one."""

    def page(offset: int, limit: int) -> Page:
        params = {
            "filter": _all(filters),
            "sort": "date_created,id",  # the default order, by uuid, gives duplicates
            "fields": fields,
            "limit": limit,
            "offset": offset,
        }
        found: Page = client.get_json("items/images", params)["data"]
        return found

    limit = PAGE
    try:
        first = page(0, limit)
    except InvalidQuery:
        limit = SMALL_PAGE
        first = page(0, limit)
    yield first
    if len(first) < limit:
        return
    known = count(client, *filters) if counted else 0
    offsets = range(limit - 1, max(known, limit), limit - 1)
    last = first
    for last in _ahead(lambda offset: page(offset, limit), offsets):
        yield last
    # beyond what was counted: the list has grown, or nobody counted
    for offset in itertools.count(limit - 1 + len(offsets) * (limit - 1), limit - 1):
        if len(last) < limit:
            return
        last = page(offset, limit)
        yield last


def _ahead(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Results in the order of `items`, with `AHEAD` of them being worked on in threads."""
    with ThreadPoolExecutor(AHEAD) as executor:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(executor.submit(work, item))
                if len(waiting) >= AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _all(filters: Sequence[Mapping[str, Any]]) -> str:
    return orjson.dumps({"_and": list(filters)}).decode()


def _classify(answer: requests.Response, words: str) -> ProviderError | None:
    """What a status means here and nowhere else: Directus has codes, and two of them mislead."""
    try:
        code = answer.json()["errors"][0]["extensions"]["code"]
    except (ValueError, LookupError, TypeError):
        return None
    if code == "IMAGE_ERROR":  # answers 429, but never goes away
        return OutOfCredits(f"ImagineAPI refuses: {words} (the demo account's limit of images).")
    if code == "INVALID_QUERY":
        return InvalidQuery(f"ImagineAPI does not take the query: {words}.")
    return None
