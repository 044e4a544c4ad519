"""ImagineAPI's lists and counts: every image once, in a stable order, fetched ahead.

    Window ─► count ─► pages of 1,000, fetched ahead ─► every record once, oldest first

Pages move when records are added or deleted under the reader, and rows appear late behind newer
ones; both are seen and read again.
"""

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from genai_orchestration.providers.base import Counts
from genai_orchestration.providers.http import ReadClient
from genai_orchestration.providers.imagine_api.api import (
    FINISHED,
    UNFINISHED,
    InvalidQuery,
    Page,
    Window,
    all_of,
    instant,
    parsed,
    sent,
)
from genai_orchestration.providers.refusals import Unavailable, WrongSetting

PAGE = 1000  # records per request; the server's own default is 100
SMALL_PAGE = 100  # for servers whose QUERY_LIMIT_MAX refuses more
AHEAD = 8  # pages fetched while earlier ones are written
IDS_PER_REQUEST = 100  # 37 bytes each: 3.7 KB, where common proxies stop at 8 KB
LATE = timedelta(minutes=10)  # `date_created` is stamped before commit: rows appear late behind it
RESTARTS = 1000  # of one list whose pages move under the reader, before giving up
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

T = TypeVar("T")
R = TypeVar("R")


def count(client: ReadClient, *filters: Mapping[str, Any]) -> int:
    """How many own images match all `filters`: one answer of some 50 bytes.

    A server that refuses to count is read instead, ids only.
    """
    try:
        params = {"limit": 0, "meta": "filter_count", "filter": all_of(filters)}
        meta = client.get_object("items/images", params, at="meta")
        return int(meta["filter_count"])
    except (WrongSetting, KeyError, TypeError, ValueError):
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

    def unfinished_days(self, start: date, end: date) -> Iterator[date]:
        """One small request for each such day, however many images it has."""
        while start < end and (found := self._oldest(Window(start, end))):
            yield found.date()
            start = found.date() + timedelta(days=1)

    def unfinished(self, start: date, before: datetime | None = None) -> int:
        """Open images created since `start`, and before then."""
        until = [_before(before)] if before else []
        return count(self.client, Window(start).filter(), *until, UNFINISHED)

    def oldest_unfinished(self, start: date) -> datetime | None:
        """`date_created` of the oldest open image since `start`."""
        return self._oldest(Window(start))

    def oldest_open(self, start: date, before: datetime, most: int) -> list[tuple[str, datetime]]:
        """Id and `date_created` of the oldest open images since `start` and before then."""
        params = {
            "fields": "id,date_created",
            "sort": "date_created,id",
            "limit": most,
            "filter": all_of([Window(start).filter(), _before(before), UNFINISHED]),
        }
        found = sound(self.client.get_list("items/images", params, at="data"))
        return [(record["id"], parsed(record["date_created"])) for record in found]

    def _oldest(self, window: Window) -> datetime | None:
        params = {
            "fields": "date_created",
            "sort": "date_created",
            "limit": 1,
            "filter": all_of([window.filter(), UNFINISHED]),
        }
        found = self.client.get_list("items/images", params, at="data")
        return parsed(found[0]["date_created"]) if found else None


def _before(moment: datetime) -> Mapping[str, Any]:
    return {"date_created": {"_lt": sent(moment)}}


def read_window(
    client: ReadClient, window: Window, *filters: Mapping[str, Any], now: datetime
) -> Iterator[Page]:
    """Every image of the window, oldest first, then those that came late while it was read."""
    late_since = max(sent(now - LATE), instant(window.start))
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


class Order:
    """Whether records have come in ascending order of (`date_created`, `id`): each once, then."""

    def __init__(self) -> None:
        self._last = ("", "")
        self._kept = True

    def keeps(self, page: Page) -> bool:
        """Whether this page, too, goes on where the pages before it ended."""
        for record in page:
            place = (record["date_created"], record["id"])
            self._kept = self._kept and self._last < place
            self._last = place
        return self._kept


def read_ids(client: ReadClient, ids: Sequence[str]) -> Iterator[Page]:
    """The images with these ids; deleted and foreign ones are simply absent from the answers."""
    for wrong in (id_ for id_ in ids if not _UUID.fullmatch(id_)):
        # one of them makes the server refuse the whole list
        raise WrongSetting(f"{wrong!r} is not an ImagineAPI image id: they are UUIDs.")
    for start in range(0, len(ids), IDS_PER_REQUEST):
        chunk = list(ids[start : start + IDS_PER_REQUEST])
        params = {"filter": all_of([{"id": {"_in": chunk}}]), "limit": len(chunk)}
        yield sound(client.get_list("items/images", params, at="data"))


def _pages(
    client: ReadClient, filters: Sequence[Mapping[str, Any]], fields: str, counted: bool
) -> Iterator[Page]:
    """Pages that overlap by one record, up to and including the first short one."""

    def page(offset: int, limit: int) -> Page:
        params = {
            "filter": all_of(filters),
            "sort": "date_created,id",  # the default order, by uuid, gives duplicates
            "fields": fields,
            "limit": limit,
            "offset": offset,
        }
        return sound(client.get_list("items/images", params, at="data"))

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


def sound(page: list[Any]) -> Page:
    """The page, if each record can be told from others and has its place in time."""
    for record in page:
        if not (
            isinstance(record, dict)
            and isinstance(record.get("id"), str)
            and isinstance(record.get("date_created"), str)
        ):
            raise WrongSetting(
                "ImagineAPI sent an image without an id or a date_created, which it never does: "
                "check base_url in [sources.imagine_api_source]."
            )
    return page


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
