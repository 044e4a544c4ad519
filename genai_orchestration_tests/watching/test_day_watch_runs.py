"""Which runs the day watch asks for: under which keys, how many at once, and after a failure."""

import dataclasses

from genai_orchestration.providers.base import Counts
from genai_orchestration.watching.day_cursor import DAY, Cursor, RequestedRun
from genai_orchestration.watching.day_watch import (
    AT_ONCE,
    RED_AFTER,
    Request,
    RunOutcome,
    advance,
    delay,
    run_key,
)
from genai_orchestration_tests.watching.looks import (
    NOON,
    SOON,
    TODAY,
    YESTERDAY,
    failed,
    keys,
    started,
    tick,
)


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


def test_no_more_than_ten_days_are_in_flight() -> None:
    numbers = {TODAY - n * DAY: (1, 1) for n in range(30)}
    first = tick(Cursor(), NOON, numbers)
    assert len(first.requests) == len(first.cursor.asked) == AT_ONCE
    done = {request.day: RunOutcome("succeeded") for request in first.requests[:3]}
    busy = {request.day: RunOutcome("active") for request in first.requests[3:]}
    second = tick(first.cursor, NOON + SOON, numbers, {**done, **busy})
    assert [request.day for request in second.requests] == [TODAY - n * DAY for n in (10, 11, 12)]


def test_a_red_day_does_not_cost_the_place() -> None:
    cursor = Cursor(TODAY, {TODAY: 0, YESTERDAY: 0}, {TODAY: RequestedRun(1, 1, RED_AFTER)}, seq=1)
    late = advance(cursor, NOON, {TODAY: Counts(0, 1)}, {TODAY: failed(NOON)}, resume_at=YESTERDAY)
    assert late.failure
    assert not late.failed


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
