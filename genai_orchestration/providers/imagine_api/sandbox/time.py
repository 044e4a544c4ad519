"""Times as Directus on SQLite writes, reads and misreads them.

In: a datetime, or the text of a filter's operand. Out: `2023-12-19T22:37:07.524Z`, whose order as
text is its order in time, so that records can be compared without parsing them.
"""

import re
from datetime import datetime, timedelta, timezone

# SQLite holds the time as a number, and every number sorts before every text: an operand that is
# no time is greater than all records, so `_gte` finds none and `_lte` finds all
AFTER_ALL = "~"

FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?"
)
NOW = re.compile(r"\$NOW(?:\(\s*([+-]?\d+) (second|minute|hour|day|week)s?\))?")


def iso(time: datetime) -> str:
    """UTC with milliseconds, cut and not rounded, as JavaScript writes it."""
    utc = time.astimezone(timezone.utc)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def instant(text: str) -> datetime | None:
    """The time a text names, UTC when it names no zone; None when it is no time at all."""
    found = FORM.fullmatch(text)
    if found is None:
        return None
    day, minutes, seconds, fraction, zone = found.groups()
    micros = (fraction or "").ljust(6, "0")[:6]
    offset = "+00:00" if zone in (None, "Z") else zone
    try:
        return datetime.fromisoformat(
            f"{day}T{minutes or '00:00'}{seconds or ':00'}.{micros}{offset}"
        )
    except ValueError:
        return None


def operand(text: str) -> str:
    """A filter's operand in the records' own form; `AFTER_ALL` for what is no time.

    A `+00:00` that was not percent-encoded arrives with a space and is such a case.
    """
    time = instant(text)
    return AFTER_ALL if time is None else iso(time)


def relative(text: str, now: datetime) -> str | None:
    """What `$NOW` or `$NOW(-1 day)` stands for; None for any other text."""
    found = NOW.fullmatch(text)
    if found is None:
        return None
    count, unit = found.groups()
    return iso(now + timedelta(**{f"{unit}s": int(count)}) if unit else now)
