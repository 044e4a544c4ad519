"""Images of ImagineAPI on days that the sensor looks at, and which are in the warehouse."""

import dataclasses
from datetime import date, datetime, timedelta, timezone
from typing import Any

from genai_orchestration import warehouse
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.settings import Settings
from genai_orchestration.watching.day_cursor import Cursor

IMAGINE = provider_named("imagine_api")


def yesterday() -> datetime:
    """Near enough to be counted at each look; asked for when a test runs: midnight may pass."""
    return datetime.now(timezone.utc).replace(hour=12, minute=0) - timedelta(days=1)


def long_ago() -> datetime:
    """Old enough to be counted every ten minutes."""
    return yesterday() - timedelta(days=8)


def image(at: datetime | None = None, **state: Any) -> Spec:
    return Spec(date_created=(at or yesterday()).isoformat(), **{"seconds": -1.0, **state})


def stored() -> dict[str, tuple[str, int]]:
    """State and number of rows by id."""
    sql = "SELECT id, min(state), count(*) FROM {images} GROUP BY id"
    return {r[0]: (r[1], r[2]) for r in warehouse.query(IMAGINE, Settings.load(), sql) or []}


def old_days_due_again(cursor: str | None, resume_at: date | None = None) -> str:
    """The cursor as it is ten minutes later, after a look that ran out of time at `resume_at`."""
    return dataclasses.replace(Cursor.loads(cursor), old_looked=None, resume_at=resume_at).dumps()
