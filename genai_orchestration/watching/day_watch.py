"""Watching a provider that can count: which days have newly finished jobs, and need a run.

    cursor ─► due() ─► days to count ─(shell: asks the API)─► counts ┐
                                 (shell: asks Dagster)─► outcomes ───┴► advance() ─► Tick

    a day:   unknown ──► counted ──► asked ──► loaded ──► over: asked a last time ──► closed
                            ▲          │ failed: asked again, later each time
                            └──────────┘ counted again: more have finished

No job id is kept. Ten thousand open jobs cost what ten do, rows that appear late behind others are
seen, and a crash forgets nothing: a day counts as loaded only when its run has succeeded.
Pure: no clock, no network, no Dagster.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from genai_orchestration.errors import counted
from genai_orchestration.providers.base import Counts
from genai_orchestration.watching.day_cursor import DAY, Cursor, RequestedRun

RECENT = 2  # today and yesterday are counted at each tick
REACH = 60  # days back that are watched at all; older ones are for a backfill
OLD_EVERY = timedelta(minutes=10)  # how often older days with open jobs are counted
AT_ONCE = 10  # days in flight: the cursor stays small, the queue short
RED_AFTER = 5  # failures of one day until the tick turns red
FIRST_DELAY = timedelta(seconds=30)  # after the first failure; doubles with each
RED_DELAY = timedelta(hours=1)  # between attempts once the tick is red


@dataclass(frozen=True)
class RunOutcome:
    """What became of a run that was asked for; `ended` is when it succeeded or failed."""

    state: Literal["missing", "active", "succeeded", "failed"]
    ended: datetime | None = None
    cause: str = ""


@dataclass(frozen=True)
class Request:
    """A day that needs a run, under a key that is the same when the same tick is done again."""

    day: date
    run_key: str


@dataclass(frozen=True)
class Tick:
    """What one tick comes to: the cursor to keep, the runs to ask for, and what went wrong."""

    cursor: Cursor
    requests: tuple[Request, ...] = ()
    loading: int = 0  # days whose run is on its way
    failure: str | None = None  # a day that failed too often

    @property
    def failed(self) -> bool:
        """Whether the tick is to fail, which keeps its cursor from being stored."""
        return bool(self.failure) and not self.requests and self.cursor.resume_at is None


def old_days_due(cursor: Cursor, now: datetime) -> bool:
    """Whether this tick also counts the days before yesterday."""
    return cursor.old_looked is None or now - cursor.old_looked >= OLD_EVERY


def open_days(
    cursor: Cursor, now: datetime, unfinished: Sequence[date], start: date = date.min
) -> Cursor:
    """The cursor with today, yesterday, the days since the last tick and `unfinished` opened.

    Days before `start` are nobody's business: there is no partition for them.
    """
    today = now.date()
    first = reach(now, start)
    wanted = {today, today - DAY, *unfinished}
    gap = cursor.gap
    if cursor.last_day and cursor.last_day < today:
        since = cursor.last_day + DAY
        wanted |= {since + n * DAY for n in range((today - since).days)}
        if since < first:
            oldest = min([since, *cursor.loaded])  # days open at the stop went on without us
            oldest = max(gap[0] if gap else oldest, start)
            gap = (oldest, first - DAY) if oldest < first else None
    kept = {day: n for day, n in cursor.loaded.items() if day >= first}
    opened = {day: None for day in sorted(wanted) if day >= first}
    asked = {day: a for day, a in cursor.asked.items() if day >= first}
    return dataclasses.replace(
        cursor, last_day=today, loaded={**opened, **kept}, asked=asked, gap=gap
    )


def reach(now: datetime, start: date = date.min) -> date:
    """The earliest day that is watched."""
    return max(now.date() - REACH * DAY, start)


def due(cursor: Cursor, now: datetime) -> list[date]:
    """The open days to count in this tick, beginning where the last one ran out of time."""
    recent = now.date() - (RECENT - 1) * DAY
    days = [
        day
        for day, loaded in sorted(cursor.loaded.items(), reverse=True)
        if day >= recent or loaded is None or old_days_due(cursor, now)
    ]
    start = days.index(cursor.resume_at) if cursor.resume_at in days else 0
    return days[start:] + days[:start]


def advance(
    cursor: Cursor,
    now: datetime,
    counts: Mapping[date, Counts],
    outcomes: Mapping[date, RunOutcome],
    *,
    resume_at: date | None = None,
) -> Tick:
    """The next cursor and the runs to ask for, from what the API and Dagster said.

    `resume_at` is the first day that was not counted in time; None when all due days were.
    """
    after_runs = _after_runs(cursor, now, outcomes)
    asking = _ask(after_runs.cursor, now, counts)
    complete = old_days_due(cursor, now) and all(day in counts for day in due(cursor, now))
    counted_at = now if complete else cursor.old_looked
    return dataclasses.replace(
        after_runs,
        cursor=dataclasses.replace(asking.cursor, resume_at=resume_at, old_looked=counted_at),
        requests=after_runs.requests + asking.requests,
    )


def _after_runs(cursor: Cursor, now: datetime, outcomes: Mapping[date, RunOutcome]) -> Tick:
    """What became of the runs asked for: loaded, on their way, lost, or to be asked for again."""
    loaded, asked = dict(cursor.loaded), dict(cursor.asked)
    requests: list[Request] = []
    failure: str | None = None
    loading = 0
    for day, ask in cursor.asked.items():
        outcome = outcomes.get(day, RunOutcome("missing"))
        match outcome.state:
            case "succeeded":
                if day in loaded:  # else it was the day's last run
                    loaded[day] = ask.finished
                del asked[day]
            case "active":
                loading += 1
            case "missing":
                requests.append(_request(day, ask))
            case "failed" if outcome.ended and now < outcome.ended + delay(ask.attempt):
                failure = _failure(day, ask, outcome) if ask.attempt >= RED_AFTER else failure
            case "failed":
                asked[day] = dataclasses.replace(ask, attempt=ask.attempt + 1)
                requests.append(_request(day, asked[day]))
    cursor = dataclasses.replace(cursor, loaded=loaded, asked=asked)
    return Tick(cursor, tuple(requests), loading, failure)


def _ask(cursor: Cursor, now: datetime, counts: Mapping[date, Counts]) -> Tick:
    """Ask for the days whose finished jobs are not all loaded; close those with nothing left."""
    loaded, asked, seq = dict(cursor.loaded), dict(cursor.asked), cursor.seq
    requests: list[Request] = []
    recent = now.date() - (RECENT - 1) * DAY
    for day, count in counts.items():
        if day in asked or day not in loaded:
            continue
        all_loaded = count.finished == (loaded[day] or 0)
        over = all_loaded and count.unfinished == 0 and day < recent
        if over and not count.finished:
            del loaded[day]
        elif all_loaded and not over:
            loaded[day] = count.finished
        elif len(asked) < AT_ONCE:
            seq += 1
            asked[day] = RequestedRun(count.finished, seq)
            requests.append(_request(day, asked[day]))
            if over:  # a last run: equal counts may hide one deleted and one finished
                del loaded[day]
    return Tick(dataclasses.replace(cursor, loaded=loaded, asked=asked, seq=seq), tuple(requests))


def run_key(day: date, ask: RequestedRun) -> str:
    """The key of the run: a tick that is done again after a crash asks for the same one."""
    return f"{day}|n{ask.finished}|s{ask.seq}|a{ask.attempt}"


def delay(attempt: int) -> timedelta:
    """How long a day rests after its `attempt`-th failure: 30 s, 1, 2, 4 minutes, then an hour."""
    return FIRST_DELAY * 2 ** (attempt - 1) if attempt < RED_AFTER else RED_DELAY


def _request(day: date, ask: RequestedRun) -> Request:
    return Request(day, run_key(day, ask))


def _failure(day: date, ask: RequestedRun, outcome: RunOutcome) -> str:
    return (
        f"The images of {day} failed to load {counted(ask.attempt, 'time')}, last because: "
        f"{outcome.cause or 'see the run'}. Fix that; the sensor asks again within the hour."
    )
