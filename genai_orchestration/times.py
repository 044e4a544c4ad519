"""The time, in one place, so that tests can move it."""

from datetime import datetime, timezone


def now() -> datetime:
    """The moment, as an aware UTC time."""
    return datetime.now(timezone.utc)
