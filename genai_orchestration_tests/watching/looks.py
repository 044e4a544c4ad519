"""Looks of the day watch at numbers of images that are made up, with the time passed in."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone

from genai_orchestration.providers.base import Counts
from genai_orchestration.watching.day_cursor import DAY, Cursor
from genai_orchestration.watching.day_watch import (
    RunOutcome,
    Tick,
    advance,
    due,
    old_days_due,
    open_days,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
TODAY = NOON.date()
YESTERDAY = TODAY - DAY
SOON = timedelta(seconds=30)

Numbers = Mapping[date, tuple[int, int]]  # day -> open and finished images
NOBODY: Mapping[date, RunOutcome] = {}


def tick(
    cursor: Cursor, now: datetime, numbers: Numbers, outcomes: Mapping[date, RunOutcome] = NOBODY
) -> Tick:
    """One look at an API that has these numbers of images, and none on other days."""
    unfinished = [day for day, (is_open, _) in numbers.items() if is_open]
    cursor = open_days(cursor, now, unfinished if old_days_due(cursor, now) else ())
    counts = {day: Counts(*numbers.get(day, (0, 0))) for day in due(cursor, now)}
    return advance(Cursor.loads(cursor.dumps()), now, counts, outcomes)


def keys(tick: Tick) -> list[str]:
    return [request.run_key for request in tick.requests]


def started(numbers: Numbers) -> Cursor:
    """The cursor after a first look at `numbers`, all of them loaded."""
    first = tick(Cursor(), NOON, numbers)
    done = {request.day: RunOutcome("succeeded") for request in first.requests}
    return tick(first.cursor, NOON + SOON, numbers, done).cursor


def failed(at: datetime) -> RunOutcome:
    return RunOutcome("failed", at, "no space left")
