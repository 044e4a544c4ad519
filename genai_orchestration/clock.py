"""The time, in one place, so that tests can move it."""

from datetime import datetime, timedelta, timezone

# clocks differ by less: a time further ahead is of one that was wrong
AHEAD = timedelta(minutes=10)


def now() -> datetime:
    """The moment, as an aware UTC time."""
    return datetime.now(timezone.utc)
