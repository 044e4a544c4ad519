"""Whether the line of submissions may go on: a few failures of the provider in a row stop it.

    newest outcomes ─► failures in a row ─┬─ under 3 ─────────────────► go on
                                          ├─ 3: it rests 5 minutes, 4: 10, 5: 20 ... an hour
                                          └─ rested: one at a time, until one succeeds

When Midjourney is down, every request fails: going on would burn the whole list. What is wrong
with a single payload shows that the provider works. Pure.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import takewhile

from genai_orchestration.ledger.outcomes import Outcome

FAILURE_THRESHOLD = 3  # failures of the provider that stop the line
OUTCOMES_READ = 10  # outcomes that are read
COOLDOWN = timedelta(minutes=5)
LONGEST_COOLDOWN = timedelta(hours=1)


def failures_in_a_row(newest: Sequence[Outcome]) -> int:
    """How many of the newest outcomes, newest first, are failures of the provider."""
    bad = takewhile(lambda each: each.failure and each.failure.of_the_provider, newest)
    return len(list(bad))


def half_open_since(newest: Sequence[Outcome]) -> datetime | None:
    """The last of too many failures, after which only one at a time is tried; None without them."""
    return newest[0].at if failures_in_a_row(newest) >= FAILURE_THRESHOLD else None


def stopped(title: str, newest: Sequence[Outcome], now: datetime) -> str | None:
    """Why nothing may be submitted now, as a sentence; None when it may."""
    failed = failures_in_a_row(newest)
    if failed < FAILURE_THRESHOLD:
        return None
    rested = newest[0].at + min(COOLDOWN * 2 ** (failed - FAILURE_THRESHOLD), LONGEST_COOLDOWN)
    if now >= rested:
        return None
    return (
        f"The last {failed} requests to {title} failed by its fault or its silence, so the line "
        f"rests until {moment(rested, now)} UTC: run it again then."
    )


def moment(at: datetime, now: datetime) -> str:
    """The time of day, and the date when that is not today's."""
    same = at.astimezone(timezone.utc).date() == now.astimezone(timezone.utc).date()
    return f"{at:%H:%M:%S}" if same else f"{at:%Y-%m-%d %H:%M:%S}"
