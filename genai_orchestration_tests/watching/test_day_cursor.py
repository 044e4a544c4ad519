"""The day watch's cursor: none is a first start, the largest is short, and what is none is told."""

from datetime import date

import pytest

from genai_orchestration.watching.day_cursor import DAY, Cursor, RequestedRun, UnreadableCursor
from genai_orchestration.watching.day_watch import AT_ONCE, REACH
from genai_orchestration_tests.watching.looks import NOON, TODAY


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
