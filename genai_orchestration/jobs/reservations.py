"""The reservation that lets a POST leave: budget, place in flight and state, all or nothing.

    approved ─► usage_of() ─► budget.refusal() ─┬─ None ─► submitting, with its price reserved
                                                └─ why not ─► still approved

It runs in the ledger's one writing transaction, so that of two submitters one sees the other.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from genai_orchestration.jobs.budget import UNPRICED, Limits, Usage, day_of, month_of, refusal
from genai_orchestration.jobs.credits import COST
from genai_orchestration.jobs.ledger_requests import columns, get, move, wrong_state
from genai_orchestration.jobs.ledger_tables import jobs
from genai_orchestration.jobs.states import LEAVES, RequestState, Step
from genai_orchestration.providers.states import TERMINAL
from genai_orchestration.times import AHEAD

COUNTED = timedelta(hours=1)  # how long a job that is open, or may be, takes a place in flight
SECOND = timedelta(seconds=1.001)  # a hair over, for a server that counts both ends of its second
WAITED = timedelta(minutes=1)  # at most, for the ledger: what was decided meanwhile counts, too
DAY = timedelta(days=1)
OVER_A_MONTH = timedelta(days=31)  # from the first of any month into the next one


def start(connection: sa.Connection, key: str, limits: Limits, now: datetime, who: str) -> None:
    """Reserve the price and a place in flight, or raise the budget's Refused; see `Ledger`."""
    record = get(connection, key)
    if record.state not in LEAVES[Step.START]:
        raise wrong_state(record, Step.START.value)
    price = UNPRICED if record.price_estimate is None else record.price_estimate
    usage = usage_of(connection, record.provider, record.campaign, limits, now)
    refused = refusal(record.provider, record.campaign, price, limits, usage)
    if refused:
        raise refused
    move(connection, key, Step.START, reserved=price, submitting_at=now, submitting_by=who)


def usage_of(
    connection: sa.Connection,
    provider: str,
    campaign: str | None,
    limits: Limits,
    now: datetime,
) -> Usage:
    """What of the provider is running and spent; `now` says in which day and month."""
    since = columns.submitting_at
    day, month = day_of(now), month_of(now)

    def spent(*which: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.coalesce(sa.func.sum(COST), 0))
        return int(
            connection.execute(query.where(columns.provider == provider, *which)).scalar_one()
        )

    return Usage(
        in_flight=_in_flight(connection, provider, now),
        begun=_in_flight(connection, provider, now, limits.alone_since)
        if limits.alone_since
        else 0,
        posts=_posts(connection, provider, now),
        day=spent(since >= day, since < day + DAY),
        month=spent(since >= month, since < month_of(month + OVER_A_MONTH)),
        campaign=0 if campaign is None else spent(columns.campaign == campaign),
        since_balance=spent(_after(limits.balance.asked_at)) if limits.balance else 0,
    )


def _after(asked: datetime) -> sa.ColumnElement[bool]:
    """Requests whose price a balance of that moment may not have known of."""
    return sa.or_(
        columns.state == RequestState.SUBMITTING.value,
        columns.decided_at >= asked,
    )


def _in_flight(
    connection: sa.Connection, provider: str, now: datetime, after: datetime | None = None
) -> int:
    """Submissions on their way, jobs that are open, and recent ones that may be either.

    A job that has been open for longer is stuck at most providers: it must not keep a place. Nor
    must one whose time is so far ahead that the clock it came from was wrong.
    `after` counts only what has begun after that.
    """
    since, recent, ahead = columns.submitting_at, now - COUNTED, now + AHEAD
    may_be = sa.or_(
        columns.state == RequestState.SUBMITTING.value,
        sa.and_(columns.state == RequestState.UNKNOWN.value, since > recent, since <= ahead),
    )
    on_the_way = sa.select(sa.func.count()).where(columns.provider == provider, may_be)
    running = sa.select(sa.func.count()).where(
        jobs.c.provider == provider,
        jobs.c.state.not_in(TERMINAL),
        jobs.c.first_seen > recent,
        jobs.c.first_seen <= ahead,
    )
    if after is not None:
        on_the_way, running = (
            on_the_way.where(since > after),
            running.where(jobs.c.first_seen > after),
        )
    return sum(int(connection.execute(query).scalar_one()) for query in (on_the_way, running))


def _posts(connection: sa.Connection, provider: str, now: datetime) -> int:
    """POSTs that may reach the server within this second: unanswered, or answered within it.

    Counted from the answers, not from the starts: requests bunch up on their way.
    """
    near = sa.select(sa.func.count()).where(
        columns.provider == provider,
        columns.submitting_at.is_not(None),
        sa.or_(
            columns.state == RequestState.SUBMITTING.value,
            sa.and_(columns.decided_at > now - SECOND, columns.decided_at <= now + WAITED),
        ),
    )
    return int(connection.execute(near).scalar_one())
