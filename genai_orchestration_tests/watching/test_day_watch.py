"""The day watch as a pure machine: the clock is passed in, counts and outcomes are made up."""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone

import pytest

from genai_orchestration.providers.base import Counts
from genai_orchestration.watching.day_cursor import DAY, Cursor, RequestedRun, UnreadableCursor
from genai_orchestration.watching.day_watch import (
    AT_ONCE,
    OLD_EVERY,
    REACH,
    RED_AFTER,
    Request,
    RunOutcome,
    Tick,
    advance,
    delay,
    due,
    old_days_due,
    open_days,
    run_key,
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


def test_a_first_start_takes_today_yesterday_and_older_days_with_open_images() -> None:
    old = TODAY - 40 * DAY
    first = tick(Cursor(), NOON, {TODAY: (1, 2), YESTERDAY: (0, 3), old: (1, 4)})
    assert [request.day for request in first.requests] == [TODAY, YESTERDAY, old]
    assert set(first.cursor.loaded) == {TODAY, YESTERDAY, old}


def test_a_first_start_without_images_asks_for_nothing() -> None:
    assert tick(Cursor(), NOON, {}).requests == ()


def test_an_image_made_and_finished_between_two_looks_is_asked_for() -> None:
    later = tick(started({TODAY: (0, 5)}), NOON + 3 * SOON, {TODAY: (0, 6)})
    assert later.requests == (Request(TODAY, f"{TODAY}|n6|s2|a1"),)


def test_all_that_finished_on_a_day_shares_a_run() -> None:
    assert len(tick(started({}), NOON + SOON, {TODAY: (7, 500)}).requests) == 1


def test_counts_that_grow_while_a_run_is_active_wait_for_it() -> None:
    asked = tick(started({}), NOON + SOON, {TODAY: (2, 1)})
    waiting = tick(asked.cursor, NOON + 2 * SOON, {TODAY: (1, 2)}, {TODAY: RunOutcome("active")})
    assert (waiting.requests, waiting.loading) == ((), 1)
    after = tick(waiting.cursor, NOON + 3 * SOON, {TODAY: (1, 2)}, {TODAY: RunOutcome("succeeded")})
    assert keys(after) == [f"{TODAY}|n2|s2|a1"]


def test_a_run_that_never_came_to_be_is_asked_for_under_the_same_key() -> None:
    asked = tick(started({}), NOON + SOON, {TODAY: (0, 1)})
    again = tick(asked.cursor, NOON + 2 * SOON, {TODAY: (0, 1)}, {TODAY: RunOutcome("missing")})
    assert keys(again) == keys(asked)


def test_a_tick_that_is_done_again_asks_under_the_same_keys() -> None:
    before = started({TODAY: (0, 5)})
    numbers = {TODAY: (0, 6), YESTERDAY: (0, 1)}
    assert keys(tick(before, NOON + SOON, numbers)) == keys(tick(before, NOON + SOON, numbers))


def test_a_failed_run_is_asked_for_again_later_each_time_until_the_tick_is_red() -> None:
    now = NOON + SOON
    numbers = {TODAY: (0, 1)}
    current = tick(started({}), now, numbers)
    waits = [delay(attempt) for attempt in range(1, RED_AFTER + 2)]
    assert [wait.total_seconds() for wait in waits] == [30, 60, 120, 240, 3600, 3600]
    for attempt, wait in enumerate(waits, start=1):
        assert keys(current) == [f"{TODAY}|n1|s1|a{attempt}"]
        ended = now
        early = tick(current.cursor, ended + wait - SOON / 2, numbers, {TODAY: failed(ended)})
        assert early.requests == ()
        assert early.failed == (attempt >= RED_AFTER)
        now = ended + wait
        current = tick(current.cursor, now, numbers, {TODAY: failed(ended)})
        assert not current.failed
    recovered = tick(current.cursor, now + SOON, numbers, {TODAY: RunOutcome("succeeded")})
    assert (recovered.failed, recovered.requests) == (False, ())
    assert recovered.cursor.loaded[TODAY] == 1


def test_a_red_tick_says_what_failed_and_what_to_do() -> None:
    cursor = Cursor(TODAY, {TODAY: None}, {TODAY: RequestedRun(1, 1, RED_AFTER)}, seq=1)
    red = tick(cursor, NOON, {TODAY: (0, 1)}, {TODAY: failed(NOON)})
    assert red.failure is not None
    assert red.failure.startswith(f"The images of {TODAY} failed to load 5 times")
    assert "no space left. Fix that" in red.failure


def test_another_day_is_loaded_while_one_is_red() -> None:
    cursor = Cursor(TODAY, {TODAY: 0, YESTERDAY: 0}, {TODAY: RequestedRun(1, 1, RED_AFTER)}, seq=1)
    both = tick(cursor, NOON, {TODAY: (0, 1), YESTERDAY: (0, 1)}, {TODAY: failed(NOON)})
    assert keys(both) == [f"{YESTERDAY}|n1|s2|a1"]
    assert not both.failed


def test_midnight_opens_the_new_day_and_keeps_yesterday() -> None:
    cursor = started({YESTERDAY: (0, 0), TODAY: (1, 5)})
    midnight = datetime.combine(TODAY + DAY, datetime.min.time(), timezone.utc)
    after = tick(cursor, midnight, {TODAY: (0, 6), TODAY + DAY: (0, 1)})
    assert [request.day for request in after.requests] == [TODAY + DAY, TODAY]


def test_a_day_closes_when_it_is_over_loaded_and_has_nothing_open() -> None:
    numbers = {YESTERDAY: (0, 3), TODAY: (1, 5)}
    cursor = started(numbers)
    tomorrow = NOON + DAY
    last = tick(cursor, tomorrow, numbers)
    assert [request.day for request in last.requests] == [YESTERDAY], "loaded a last time"
    assert set(last.cursor.loaded) == {TODAY, TODAY + DAY}
    again = {YESTERDAY: failed(tomorrow)}
    retried = tick(last.cursor, tomorrow + SOON, numbers, again)
    assert [request.day for request in retried.requests] == [YESTERDAY]
    done = {YESTERDAY: RunOutcome("succeeded")}
    after = tick(retried.cursor, tomorrow + 2 * SOON, numbers, done).cursor
    assert (set(after.loaded), dict(after.asked)) == ({TODAY, TODAY + DAY}, {})
    in_two_days = tick(after, tomorrow + DAY, numbers).cursor
    assert TODAY in in_two_days.loaded, "an image is still open"
    finished = {TODAY: (0, 6)}
    asked = tick(in_two_days, tomorrow + DAY + OLD_EVERY, finished)
    assert [request.day for request in asked.requests] == [TODAY]
    loaded = {TODAY: RunOutcome("succeeded")}
    closing = tick(asked.cursor, tomorrow + DAY + 2 * OLD_EVERY, finished, loaded)
    assert [request.day for request in closing.requests] == [TODAY]
    assert TODAY not in closing.cursor.loaded


def test_an_image_deleted_while_another_finishes_is_no_loss() -> None:
    cursor = started({YESTERDAY: (1, 3), TODAY: (0, 0)})
    later = NOON + DAY
    swapped = tick(cursor, later, {YESTERDAY: (0, 3)})  # one of three deleted, the open one done
    assert [request.day for request in swapped.requests] == [YESTERDAY]


def test_a_day_without_any_image_closes_without_a_run() -> None:
    cursor = started({YESTERDAY: (0, 0), TODAY: (0, 0)})
    closed = tick(cursor, NOON + DAY, {})
    assert closed.requests == ()
    assert YESTERDAY not in closed.cursor.loaded


def test_days_before_the_first_partition_are_never_opened() -> None:
    cursor = open_days(Cursor(), NOON, [TODAY - 9 * DAY, YESTERDAY], TODAY)
    assert set(cursor.loaded) == {TODAY}
    assert open_days(Cursor(TODAY - 90 * DAY), NOON, (), TODAY).gap is None


def test_old_days_are_counted_rarely_and_recent_ones_at_each_look() -> None:
    old = TODAY - 9 * DAY
    cursor = started({old: (1, 4)})
    assert due(cursor, NOON + 2 * SOON) == [TODAY, YESTERDAY]
    assert due(cursor, NOON + OLD_EVERY) == [TODAY, YESTERDAY, old]


def test_a_long_stop_opens_sixty_days_and_names_the_rest() -> None:
    cursor = started({TODAY: (1, 1)})
    now = NOON + 100 * DAY
    after = tick(cursor, now, {}).cursor
    assert after.gap == (YESTERDAY, now.date() - (REACH + 1) * DAY)
    opened = open_days(cursor, now, ())
    assert sorted(opened.loaded) == [now.date() - n * DAY for n in range(REACH, -1, -1)]
    again = tick(after, now + 100 * DAY, {}).cursor
    assert again.gap == (YESTERDAY, now.date() + (99 - REACH) * DAY)


def test_a_short_stop_opens_every_day_since_and_misses_none() -> None:
    opened = open_days(started({}), NOON + 20 * DAY, ())
    assert {TODAY + n * DAY for n in range(21)} <= set(opened.loaded)
    assert opened.gap is None


def test_no_more_than_ten_days_are_in_flight() -> None:
    numbers = {TODAY - n * DAY: (1, 1) for n in range(30)}
    first = tick(Cursor(), NOON, numbers)
    assert len(first.requests) == len(first.cursor.asked) == AT_ONCE
    done = {request.day: RunOutcome("succeeded") for request in first.requests[:3]}
    busy = {request.day: RunOutcome("active") for request in first.requests[3:]}
    second = tick(first.cursor, NOON + SOON, numbers, {**done, **busy})
    assert [request.day for request in second.requests] == [TODAY - n * DAY for n in (10, 11, 12)]


def test_a_look_that_ran_out_of_time_goes_on_where_it_stopped_and_reaches_every_day() -> None:
    cursor = open_days(Cursor(), NOON, [TODAY - n * DAY for n in range(7)])
    counted: set[date] = set()
    for look in range(4):
        now = NOON + look * SOON
        days = due(cursor, now)
        counts = {day: Counts(1, 0) for day in days[:2]}
        counted |= counts.keys()
        cursor = Cursor.loads(advance(cursor, now, counts, {}, resume_at=days[2]).cursor.dumps())
        assert cursor.resume_at == days[2]
        assert old_days_due(cursor, now), "old days were not all counted"
    assert counted == set(cursor.loaded)


def test_a_red_day_does_not_cost_the_place() -> None:
    cursor = Cursor(TODAY, {TODAY: 0, YESTERDAY: 0}, {TODAY: RequestedRun(1, 1, RED_AFTER)}, seq=1)
    late = advance(cursor, NOON, {TODAY: Counts(0, 1)}, {TODAY: failed(NOON)}, resume_at=YESTERDAY)
    assert late.failure
    assert not late.failed


def test_a_look_that_an_outage_ended_does_not_count_as_a_look_at_old_days() -> None:
    cursor = open_days(Cursor(), NOON, [TODAY - 9 * DAY])
    after = advance(cursor, NOON, {TODAY: Counts(1, 0)}, {}).cursor
    assert old_days_due(after, NOON + SOON)


@pytest.mark.parametrize("text", [None, ""])
def test_no_cursor_is_a_first_start(text: str | None) -> None:
    assert Cursor.loads(text) == Cursor()
    assert Cursor().dumps() == ""


def test_the_largest_cursor_is_kept_whole_and_is_below_a_kilobyte() -> None:
    rounds = int(NOON.timestamp()) + 99_999
    largest = Cursor(
        last_day=TODAY,
        loaded={TODAY - n * DAY: 999_999 for n in range(REACH + 1)},
        asked={TODAY - n * DAY: RequestedRun(999_999, rounds - n, 99) for n in range(AT_ONCE)},
        seq=rounds,
        old_looked=NOON,
        resume_at=TODAY - 30 * DAY,
        gap=(date(2025, 1, 1), TODAY - (REACH + 1) * DAY),
    )
    assert Cursor.loads(largest.dumps()) == largest
    assert len(largest.dumps()) < 1000


def test_a_key_names_all_that_tells_one_request_from_another() -> None:
    ask = RequestedRun(5, 3, 2)
    others = [
        run_key(TODAY, dataclasses.replace(ask, **{name: 9}))
        for name in ("finished", "seq", "attempt")
    ]
    assert len({run_key(TODAY, ask), run_key(YESTERDAY, ask), *others}) == 5


def test_a_first_tick_that_is_done_again_asks_under_the_same_keys_however_late() -> None:
    ticks = [tick(Cursor.loads("", 7), NOON + late, {TODAY: (0, 1)}) for late in (SOON, DAY / 3)]
    assert keys(ticks[0]) == keys(ticks[1]) == [f"{TODAY}|n1|s8|a1"]


@pytest.mark.parametrize(
    "text",
    [
        *("5", "[]", '"2026-03-10"', "null", "{}", "{", '{"through":5}'),
        '{"through":"2026-03-10","seq":1,"asked":[1]}',
    ],
)
def test_what_is_no_cursor_is_told_in_a_sentence(text: str) -> None:
    with pytest.raises(UnreadableCursor, match="reset it on the sensor's page"):
        Cursor.loads(text)
