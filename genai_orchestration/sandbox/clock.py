"""The sandbox's time: the system's clock, which tests may move forward."""

import time
from datetime import datetime, timedelta, timezone


class Clock:
    """UTC time that goes by itself and can be moved forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The sandbox's present, aware, in UTC."""
        return datetime.now(timezone.utc) + self._ahead

    def advance(self, seconds: float) -> None:
        """Move `seconds` into the future; every job's life moves with it."""
        self._ahead += timedelta(seconds=seconds)


class FrozenClock(Clock):
    """A clock that stops between calls of `advance`, for tests that count seconds."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__()
        self._start = start or datetime.fromtimestamp(int(time.time()), timezone.utc)

    def now(self) -> datetime:
        """The instant this clock was started at, plus what it was advanced by."""
        return self._start + self._ahead
