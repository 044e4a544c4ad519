"""Sums over the ledger: what waits to be approved or submitted, and what a time was charged for.

                 one reading of the balance   the next one
accepted and over ────┼──── charged: exactly ──────┼────►
under way at one, or near it ────── anything from none of its price to all of it, or a refund
of unknown outcome ──────────────── none of its price, or all of it
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from genai_orchestration.ledger.requests import LONGEST_POST
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.tables import jobs, requests

NEAR = timedelta(minutes=1)  # to a reading: whether its balance included it is not known
NOT_SENT = (RequestState.PLANNED, RequestState.APPROVED)

columns = requests.c


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Requests of one operation in one state before their submission, approved by one person."""

    operation: str
    state: RequestState
    campaign: str | None
    approved_by: str | None
    number: int
    newest: datetime | None  # when the last of them was approved


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What matters of a request that was sent, for what it cost and when."""

    state: RequestState
    sent: datetime
    decided: datetime | None
    finished: datetime | None  # when its job's end was seen
    reserved: int
    charged: int | None
    priced: bool  # whether anybody knows what it costs


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What the ledger says was charged in a time: at least, at most, and why not exactly."""

    low: int = 0
    high: int = 0
    unsure: int = 0  # requests that make the difference
    unpriced: int = 0  # those that may have cost anything
    ever: bool = True  # whether the ledger ever sent a request


def waiting(connection: sa.Connection, provider: str) -> list[Waiting]:
    """The provider's requests that are planned or approved, in groups."""
    alike = (columns.operation, columns.state, columns.campaign, columns.approved_by)
    query = (
        sa.select(*alike, sa.func.count(), sa.func.max(columns.approved_at))
        .where(columns.provider == provider, columns.state.in_([s.value for s in NOT_SENT]))
        .group_by(*alike)
        .order_by(*alike)
    )
    return [
        Waiting(
            operation=operation,
            state=RequestState(state),
            campaign=campaign,
            approved_by=approved_by,
            number=int(number),
            newest=newest,
        )
        for operation, state, campaign, approved_by, number, newest in connection.execute(query)
    ]


def campaigns(connection: sa.Connection, provider: str) -> list[str]:
    """The campaigns of the provider's requests, in alphabetical order."""
    query = sa.select(columns.campaign).where(
        columns.provider == provider, columns.campaign.is_not(None)
    )
    return sorted(str(name) for name in connection.execute(query.distinct()).scalars())


def spent_between(
    connection: sa.Connection, provider: str, since: datetime, until: datetime
) -> Spent:
    """What the provider charged between two readings of its balance, as far as it is known."""
    sent = sa.select(columns.request_key).where(
        columns.provider == provider, columns.submitting_at.is_not(None)
    )
    if connection.execute(sent.limit(1)).first() is None:
        return Spent(ever=False)
    begun = since - NEAR
    query = (
        sa.select(requests, jobs.c.finished)
        .outerjoin(jobs, jobs.c.request_key == columns.request_key)
        .where(
            columns.provider == provider,
            columns.state != RequestState.REJECTED.value,
            columns.submitting_at <= until + NEAR,
            sa.or_(
                columns.decided_at.is_(None),
                columns.decided_at >= begun,
                jobs.c.finished >= begun,
                sa.and_(jobs.c.job_id.is_not(None), jobs.c.finished.is_(None)),
            ),
        )
    )
    return total((_charge(row) for row in connection.execute(query).mappings()), since, until)


def total(charges: Iterable[Charge], since: datetime, until: datetime) -> Spent:
    """The sum of what each was charged in that time."""
    low = high = unsure = unpriced = 0
    for charge in charges:
        least, most = bounds(charge, since, until)
        low, high = low + least, high + most
        unsure += least != most
        unpriced += not charge.priced and (least, most) != (0, 0)
    return Spent(low=low, high=high, unsure=unsure, unpriced=unpriced)


def bounds(charge: Charge, since: datetime, until: datetime) -> tuple[int, int]:
    """The least and the most that the request took from the balance in that time."""
    price = charge.reserved if charge.charged is None else charge.charged
    full = max(charge.reserved, price)  # a refund has made it lower since
    if charge.sent > until + NEAR:
        return 0, 0
    if charge.state is not RequestState.SUBMITTED or charge.decided is None:
        return _unclear(charge, since, full)
    # what may come back: all of it, until the job is known to be over
    back = full - price if charge.finished else full
    if charge.decided < since - NEAR:
        over = charge.finished and charge.finished < since - NEAR
        return (0 if over else -back), 0
    if charge.sent <= since + NEAR:
        return -back, full
    if charge.decided >= until - NEAR:
        return 0, full
    over = charge.finished and charge.finished < until - NEAR
    return (price, price) if over else (full - back, full)


def _unclear(charge: Charge, since: datetime, full: int) -> tuple[int, int]:
    """The bounds for a request of which nobody knows whether it arrived."""
    abandoned = charge.state is RequestState.ABANDONED
    if abandoned and charge.charged == 0:  # a person has found out that it did not
        return 0, 0
    arrived = charge.sent + LONGEST_POST if abandoned else charge.decided
    return (0, 0) if arrived and arrived < since - NEAR else (0, full)


def _charge(row: sa.RowMapping) -> Charge:
    return Charge(
        state=RequestState(row["state"]),
        sent=row["submitting_at"],
        decided=row["decided_at"],
        finished=row["finished"],
        reserved=row["reserved"] or 0,
        charged=row["credits_charged"],
        priced=row["credits_charged"] is not None or row["price_estimate"] is not None,
    )
