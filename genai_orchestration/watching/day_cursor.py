"""What the day watch remembers between two ticks, as text of under 1 KB."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from genai_orchestration.errors import UserError

DAY = timedelta(days=1)


class UnreadableCursor(UserError):
    """The text is not a cursor of this version."""


@dataclass(frozen=True)
class RequestedRun:
    """A run asked for a day: for how many finished jobs, in which round, at which attempt."""

    finished: int
    seq: int
    attempt: int = 1


@dataclass(frozen=True)
class Cursor:
    """Everything the watch remembers; under 1 KB as text."""

    last_day: date | None = None  # the last day that was opened
    loaded: Mapping[date, int | None] = field(default_factory=dict)  # open days: jobs loaded
    asked: Mapping[date, RequestedRun] = field(default_factory=dict)
    seq: int = 0  # rounds of asking, so that no run key comes twice
    old_looked: datetime | None = None  # when the older days were counted last
    resume_at: date | None = None  # where a tick that ran out of time goes on
    gap: tuple[date, date] | None = None  # days of a long stop, beyond REACH

    def dumps(self) -> str:
        """The cursor as compact JSON: days are counted back from `last_day`."""
        if self.last_day is None:
            return ""
        body = {
            "through": self.last_day.isoformat(),
            "seq": self.seq,
            "open": [self._back(day) for day in self.loaded],
            "loaded": list(self.loaded.values()),  # beside "open": an object would be 120 B longer
            "asked": {
                self._back(day): [ask.finished, self.seq - ask.seq, ask.attempt]
                for day, ask in self.asked.items()
            },
            "old": self.old_looked and int(self.old_looked.timestamp()),
            "place": self.resume_at and self.resume_at.isoformat(),
            "missed": self.gap and [day.isoformat() for day in self.gap],
        }
        kept = {name: value for name, value in body.items() if value not in (None, {}, [])}
        return json.dumps(kept, separators=(",", ":"))

    def _back(self, day: date) -> int:
        assert self.last_day
        return (self.last_day - day).days

    @classmethod
    def loads(cls, text: str | None, first_round: int = 0) -> "Cursor":
        """The cursor from its text; an empty one is a first start, or one after a reset."""
        if not text:
            return cls(seq=first_round)
        try:
            return cls._from(json.loads(text))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise UnreadableCursor(
                f"The cursor of this sensor cannot be read ({text[:40]!r}): reset it on the "
                "sensor's page, and backfill the last days."
            ) from None

    @classmethod
    def _from(cls, body: dict[str, Any]) -> "Cursor":
        last_day = date.fromisoformat(body["through"])
        gap = body.get("missed")
        opened = [last_day - back * DAY for back in body.get("open", ())]
        return cls(
            last_day=last_day,
            loaded=dict(zip(opened, body.get("loaded", ()), strict=True)),
            asked={
                last_day - int(back) * DAY: RequestedRun(finished, body["seq"] - rounds, attempt)
                for back, (finished, rounds, attempt) in body.get("asked", {}).items()
            },
            seq=body["seq"],
            old_looked=body.get("old") and datetime.fromtimestamp(body["old"]).astimezone(),
            resume_at=body.get("place") and date.fromisoformat(body["place"]),
            gap=gap and (date.fromisoformat(gap[0]), date.fromisoformat(gap[1])),
        )
