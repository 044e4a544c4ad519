"""ImagineAPI's lists: every image once, in a stable order, fetched ahead.

    Window ─► count ─► pages of 1,000, fetched ahead ─► every record once, oldest first

Pages move when records are added or deleted under the reader, and rows appear late behind newer
ones; both are seen and read again.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from genai_orchestration.providers.imagine_api.api import (
    UNDATED,
    Page,
    Window,
    all_of,
    instant,
    parsed,
    sent,
    uncached,
)
from genai_orchestration.providers.imagine_api.client import IMAGES, ImageClient
from genai_orchestration.providers.imagine_api.pages import ahead, sound
from genai_orchestration.providers.refusals import Unavailable, WrongSetting

PAGE = 1000  # records per request, unless QUERY_LIMIT_MAX is less; the default is 100
AHEAD = 8  # pages fetched while earlier ones are written
IDS_PER_REQUEST = 100  # 37 bytes each: 3.7 KB, where common proxies stop at 8 KB
LATE = timedelta(minutes=10)  # `date_created` is stamped before commit: rows appear late behind it
RESTARTS = 1000  # of one list whose pages move under the reader, before giving up
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def count(client: ImageClient, *filters: Mapping[str, Any]) -> int:
    """How many own images match all `filters`: one answer of some 50 bytes.

    A server that refuses to count is read instead, ids only.
    """
    try:
        params = {"limit": 0, "meta": "filter_count", "filter": all_of(filters)}
        answer = client.get_object(IMAGES, params, needs=["data"])
        return int(answer["meta"]["filter_count"])
    except (WrongSetting, KeyError, TypeError, ValueError):
        pages = read(client, *filters, fields="id,date_created", counted=False)
        return sum(len(page) for page in pages)


def read_window(
    client: ImageClient, window: Window, *filters: Mapping[str, Any], now: datetime
) -> Iterator[Page]:
    """Every image of the window, oldest first, then those that came late while it was read."""
    # whole seconds, as a column without a zone shows them
    late_since = max((now - LATE).replace(microsecond=0), parsed(instant(window.start)))
    recent: set[str] = set()
    for page in read(client, window.filter(), *filters):
        if page and parsed(page[-1]["date_created"]) >= late_since:
            recent.update(record["id"] for record in page)
        yield page
    if window.end is None or parsed(instant(window.end)) > late_since:
        for page in read(client, window.filter(sent(late_since)), *filters):
            yield [record for record in page if record["id"] not in recent]


def read(
    client: ImageClient, *filters: Mapping[str, Any], fields: str = "*", counted: bool = True
) -> Iterator[Page]:
    """Every image that matches, in the order of (`date_created`, `id`), each once.

    The filters leave out images without `date_created`: those have no place in that order. Pages
    overlap by one record. Where the first of a page is not the last of the page before, records
    were added or deleted in between and the pages have moved: the list is then read on from the
    last `date_created` seen.
    """
    since: str | None = None  # the newest `date_created` given out
    ties: set[str] = set()  # the records of that very millisecond that were given out
    for _ in range(RESTARTS):
        following = [*filters, {"date_created": {"_gte": since}}] if since else filters
        last: str | None = None
        for page in _pages(_Listing(client, following, fields), counted=counted):
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


def read_ids(client: ImageClient, ids: Sequence[str]) -> Iterator[Page]:
    """The images with these ids; deleted and foreign ones are simply absent from the answers.

    Asked for as given and in lower case: a database that keeps ids as text distinguishes them.
    """
    for wrong in (id_ for id_ in ids if not _UUID.fullmatch(id_)):
        # one of them makes the server refuse the whole list
        raise WrongSetting(f"{wrong!r} is not an ImagineAPI image id: they are UUIDs.")

    def ask(number: int) -> tuple[int, Page]:
        chunk = list(rest[:number])
        return number, client.images(filter=uncached([{"id": {"_in": chunk}}]), limit=len(chunk))

    rest = list(dict.fromkeys(form for id_ in ids for form in (id_.lower(), id_)))
    while rest:
        asked, page = client.within_limit(IDS_PER_REQUEST, ask)
        rest = rest[asked:]
        yield sound(page, dated=False)


@dataclass(frozen=True)
class _Listing:
    """One list of images, in an order that never changes, asked for by place."""

    client: ImageClient
    filters: Sequence[Mapping[str, Any]]
    fields: str

    def page(self, offset: int, limit: int) -> Page:
        """The records from `offset` on, at most `limit` of them, in one request."""
        return self.sound(self.answer(offset, limit))

    def sound(self, answer: list[Any]) -> Page:
        """The records of an answer; Unreadable or Unavailable for what has no place in the list."""
        return sound(answer, dated=UNDATED not in self.filters)

    def answer(self, offset: int, limit: int) -> list[Any]:
        """The same as the server writes them, ids too."""
        return self.client.images(
            filter=all_of(self.filters),
            sort="date_created,id",  # the default order, by uuid, gives duplicates
            fields=self.fields,
            limit=limit,
            offset=offset,
        )


def _pages(listing: _Listing, *, counted: bool) -> Iterator[Page]:
    """Pages that overlap by one record, up to and including the first short one."""
    limit, answer = listing.client.within_limit(PAGE, lambda most: (most, listing.answer(0, most)))
    if limit == 1:
        yield from _pairs(listing, answer)
        return
    first = listing.sound(answer)
    yield first
    if len(first) < limit:
        return
    last, step = first, limit - 1
    known = count(listing.client, *listing.filters) if counted else 0
    offsets = range(step, max(known, limit), step)
    for last in ahead(lambda offset: listing.page(offset, limit), offsets, AHEAD):
        yield last
    # beyond what was counted: the list has grown, or nobody counted
    for offset in itertools.count(step + len(offsets) * step, step):
        if len(last) < limit:
            return
        last = listing.page(offset, limit)
        yield last


def _pairs(listing: _Listing, answer: list[Any]) -> Iterator[Page]:
    """The same where a server gives one record per request: each record, and the one after it.

    Two requests may see two states of the list, so none asks by place: each asks for the first
    record, from the last `date_created` on, that was not given out.
    """
    last: Page = []
    given: list[Any] = []  # the ids of that very millisecond, as the server writes them
    while answer:
        id_ = answer[0].get("id")
        page = listing.sound(answer)
        yield last + page
        since = page[0]["date_created"]
        given = [*given, id_] if last and last[0]["date_created"] == since else [id_]
        late = [{"date_created": {"_gte": since}}] if since else []
        following = replace(listing, filters=[*listing.filters, *late, {"id": {"_nin": given}}])
        last, answer = page, following.answer(0, 1)
    yield last
