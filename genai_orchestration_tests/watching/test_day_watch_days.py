"""Which days the day watch opens, counts and closes: first start, midnight, a stop, an outage."""

from datetime import date, datetime, timezone

from genai_orchestration.providers.base import Counts
from genai_orchestration.watching.day_cursor import DAY, Cursor
from genai_orchestration.watching.day_watch import (
    OLD_EVERY,
    REACH,
    RunOutcome,
    advance,
    due,
    old_days_due,
    open_days,
)
from genai_orchestration_tests.watching.looks import (
    NOON,
    SOON,
    TODAY,
    YESTERDAY,
    failed,
    started,
    tick,
)


def test_a_first_start_takes_today_yesterday_and_older_days_with_open_images() -> None:
    old = TODAY - 40 * DAY
    first = tick(Cursor(), NOON, {TODAY: (1, 2), YESTERDAY: (0, 3), old: (1, 4)})
    assert [request.day for request in first.requests] == [TODAY, YESTERDAY, old]
    assert set(first.cursor.loaded) == {TODAY, YESTERDAY, old}


def test_a_first_start_without_images_asks_for_nothing() -> None:
    assert tick(Cursor(), NOON, {}).requests == ()


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


def test_a_look_that_an_outage_ended_does_not_count_as_a_look_at_old_days() -> None:
    cursor = open_days(Cursor(), NOON, [TODAY - 9 * DAY])
    after = advance(cursor, NOON, {TODAY: Counts(1, 0)}, {}).cursor
    assert old_days_due(after, NOON + SOON)
