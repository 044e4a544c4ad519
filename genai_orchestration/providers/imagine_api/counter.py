"""How many images ImagineAPI has by day and state, and which days have open ones.

day ─► two counts, open and finished ─► Counts      the sensor compares them, tick by tick
days ─► the oldest open image ─► its day ─► the oldest after that day ─► ...
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from genai_orchestration.providers.base import Counts
from genai_orchestration.providers.imagine_api.api import (
    FINISHED,
    UNDATED,
    UNFINISHED,
    Window,
    all_of,
    instant,
    parsed,
    sent,
)
from genai_orchestration.providers.imagine_api.client import ImageClient
from genai_orchestration.providers.imagine_api.listing import count
from genai_orchestration.providers.imagine_api.pages import sound


@dataclass(frozen=True)
class ImageCounter:
    """The account's images, counted by UTC day of `date_created`."""

    client: ImageClient

    def counts(self, start: date, end: date | None) -> Counts:
        """Open images first: one that finishes in between is counted twice, not never."""
        window = Window(start, end).filter()
        unfinished = count(self.client, window, UNFINISHED)
        return Counts(unfinished, count(self.client, window, FINISHED))

    def unfinished_days(self, start: date, end: date) -> Iterator[date]:
        """One small request for each such day, however many images it has."""
        while start < end and (found := self._oldest(Window(start, end))):
            # a server whose clock is not in UTC may name another day than it filters by
            day = max(found.date(), start)
            yield day
            start = day + timedelta(days=1)

    def unfinished(self, start: date, before: datetime | None = None) -> int:
        """Open images created since `start`, and before then."""
        until = [_before(before)] if before else []
        return count(self.client, Window(start).filter(), *until, UNFINISHED)

    def oldest_unfinished(self, start: date) -> datetime | None:
        """`date_created` of the oldest open image since `start`."""
        return self._oldest(Window(start))

    def oldest_open(self, start: date, before: datetime, most: int) -> list[tuple[str, datetime]]:
        """Id and `date_created` of the oldest open images since `start` and before then."""
        found = self.client.within_limit(
            most,
            lambda limit: self.client.images(
                fields="id,date_created",
                sort="date_created,id",
                limit=limit,
                filter=all_of([Window(start).filter(), _before(before), UNFINISHED]),
            ),
        )
        return [(record["id"], parsed(record["date_created"])) for record in sound(found)]

    def in_no_day(self, start: date | None, end: date) -> Mapping[str, int]:
        """Images that no day from `start` to before `end` holds: how many, by the reason why."""
        reasons: dict[str, Mapping[str, Any]] = {
            "without date_created": UNDATED,
            f"on or after {end}": {"date_created": {"_gte": instant(end)}},
        }
        if start:
            reasons[f"before {start}"] = {"date_created": {"_lt": instant(start)}}
        return {reason: count(self.client, which) for reason, which in reasons.items()}

    def _oldest(self, window: Window) -> datetime | None:
        found = self.client.images(
            fields="date_created",
            sort="date_created",
            limit=1,
            filter=all_of([window.filter(), UNFINISHED]),
        )
        return parsed(found[0]["date_created"]) if found else None


def _before(moment: datetime) -> Mapping[str, Any]:
    return {"date_created": {"_lt": sent(moment)}}
