"""Since when a clock has known that a POST is out, and that it ended without an answer.

    started, or given up, by this clock ─► the request's own times
    by another one ──────────────────────► a sighting: when this clock saw it first

A second computer's clock may be minutes ahead: what it makes of times that another has written
could release a POST that is still on its way. So each clock waits by its own times alone.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from genai_orchestration.ledger.host import is_same_clock
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.ledger.requests import LONGEST_POST, columns, undecided
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.tables import requests, sightings

SETTLED = timedelta(minutes=2)  # after a POST ended that long ago nothing appears any more


@dataclass(frozen=True)
class Sighting:
    """Times of one clock about one POST."""

    out_since: datetime
    ended_since: datetime | None = None  # its own process has said that the answer was lost

    def is_final(self, now: datetime) -> bool:
        """Whether nothing can appear of the POST any more: it ended a while ago, at the latest."""
        ended = self.ended_since is not None and now - self.ended_since > SETTLED
        return ended or now - self.out_since > LONGEST_POST  # which has as much slack


def record_sighting(
    connection: sa.Connection, record: RequestRecord, now: datetime, clock: str
) -> Sighting:
    """What this clock knows of the request's POST; written down when it is the first time."""
    assert record.submitting_at, f"{record.request_key} was not sent"
    if record.clock and is_same_clock(record.clock, clock) and record.submitting_at <= now:
        return Sighting(record.submitting_at, record.decided_at if record.answer_lost else None)
    found = _found(connection, record, now, clock)
    if found is None or (record.answer_lost and found.ended_since is None):
        first = Sighting(now) if found is None else found
        found = dataclasses.replace(first, ended_since=now if record.answer_lost else None)
        _write(connection, record, found, clock)
    return found


def mark_orphans_unknown(
    connection: sa.Connection, now: datetime, who: str, clock: str
) -> list[str]:
    """Give up waiting for answers that no POST can still bring; the keys."""
    out = sa.select(requests).where(columns.state == RequestState.SUBMITTING.value)
    rows = connection.execute(out.order_by(columns.request_key)).mappings().all()
    given_up = []
    for record in map(RequestRecord.of, rows):
        if now - record_sighting(connection, record, now, clock).out_since > LONGEST_POST:
            text = f"no answer was recorded within {LONGEST_POST.seconds // 60} minutes: a crash"
            undecided(connection, record.request_key, now, text, who)
            given_up.append(record.request_key)
    return given_up


def _found(
    connection: sa.Connection, record: RequestRecord, now: datetime, clock: str
) -> Sighting | None:
    """The sighting of this very POST by this clock; one that is ahead is of a clock since set."""
    of_it = sa.select(sightings).where(
        sightings.c.request_key == record.request_key,
        sightings.c.submitting_at == record.submitting_at,
    )
    for row in connection.execute(of_it).mappings():
        if is_same_clock(row["clock"], clock) and row["out_since"] <= now:
            return Sighting(row["out_since"], row["ended_since"])
    return None


def _write(
    connection: sa.Connection, record: RequestRecord, sighting: Sighting, clock: str
) -> None:
    """One row for the request and the clock, in the place of an earlier one."""
    mine = (sightings.c.request_key == record.request_key, sightings.c.clock == clock)
    connection.execute(sa.delete(sightings).where(*mine))
    connection.execute(
        sa.insert(sightings).values(
            request_key=record.request_key,
            clock=clock,
            submitting_at=record.submitting_at,
            **dataclasses.asdict(sighting),
        )
    )
