"""The reservation that lets a POST leave: budget, place in flight and state, all or nothing.

    approved ─► usage_of() ─► budget.refusal() ─┬─ None ─► submitting, with its price reserved
                                                └─ why not ─► still approved

It runs in the ledger's one writing transaction, so that of two submitters one sees the other. What
is asked here is asked for every request, with all others waiting: each question has an index for
it, which names its states and has no OR across columns, and no sum is made that no limit bounds.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from genai_orchestration.clock import AHEAD
from genai_orchestration.ledger.budget import UNPRICED, Limits, Usage, day_of, month_of, refusal
from genai_orchestration.ledger.credits import COST
from genai_orchestration.ledger.requests import columns, get, move, wrong_state
from genai_orchestration.ledger.states import LEAVES, RequestState, Step
from genai_orchestration.ledger.tables import jobs
from genai_orchestration.providers.states import OPEN

COUNTED = timedelta(hours=1)  # how long a job that is open, or may be, takes a place in flight
SECOND = timedelta(seconds=1.001)  # a hair over, for a server that counts both ends of its second
WAITED = timedelta(minutes=1)  # at most, for the ledger: what was decided meanwhile counts, too
DAY = timedelta(days=1)
OVER_A_MONTH = timedelta(days=31)  # from the first of any month into the next one

SUBMITTING = columns.state == RequestState.SUBMITTING.value
Number = sa.Select[Any]  # a SELECT of one number


def start(
    connection: sa.Connection, key: str, limits: Limits, now: datetime, who: str, clock: str
) -> None:
    """Reserve the price and a place in flight, or raise LimitExceeded; see `Ledger`."""
    record = get(connection, key)
    if record.state not in LEAVES[Step.START]:
        raise wrong_state(record, Step.START.value)
    price = UNPRICED if record.price_estimate is None else record.price_estimate
    usage = usage_of(connection, record.provider, record.campaign, limits, now, whole=False)
    refused = refusal(record.provider, record.campaign, price, limits, usage)
    if refused:
        raise refused
    values = {"submitting_at": now, "submitting_by": who, "decided_by": None, "clock": clock}
    sent_to = {"server": limits.base_url, "account": limits.account}
    move(connection, key, Step.START, reserved=price, **values, **sent_to)


def usage_of(
    connection: sa.Connection,
    provider: str,
    campaign: str | None,
    limits: Limits,
    now: datetime,
    *,
    whole: bool = True,
) -> Usage:
    """What of the provider is running and spent; `now` says in which day and month.

    Without `whole`, only what the limits bound: a sum takes longer the more requests it is over.
    """
    asked = {
        name: _total(numbers)
        for name, (bound, numbers) in _questions(provider, campaign, limits, now).items()
        if whole or bound is not None
    }
    if not asked:
        return Usage()
    found = connection.execute(sa.select(*asked.values())).one()
    return Usage(**{name: int(number) for name, number in zip(asked, found, strict=True)})


def _questions(
    provider: str, campaign: str | None, limits: Limits, now: datetime
) -> Mapping[str, tuple[object, Sequence[Number]]]:
    """By field of Usage: the limit that it is asked for, and the numbers that add up to it."""
    budget, balance, alone = limits.budget, limits.balance, limits.half_open_since
    since, day, month = columns.submitting_at, day_of(now), month_of(now)

    def spent(*which: sa.ColumnElement[bool]) -> Number:
        total = sa.select(sa.func.coalesce(sa.func.sum(COST), 0))
        return total.where(columns.provider == provider, *which)

    found: dict[str, tuple[object, Sequence[Number]]] = {
        "in_flight": (limits.in_flight, _in_flight(provider, now)),
        "posts": (limits.posts_per_second, _posts(provider, now)),
        "day": (budget.per_day, [spent(since >= day, since < day + DAY)]),
        "month": (
            budget.per_month,
            [spent(since >= month, since < month_of(month + OVER_A_MONTH))],
        ),
    }
    if campaign is not None:
        cap = budget.campaigns.get(campaign)
        found["campaign"] = cap, [spent(columns.campaign == campaign)]
    if alone is not None:
        found["begun"] = alone, _in_flight(provider, now, alone)
    if balance is not None:  # what it may not have known of
        decided = spent(~SUBMITTING, columns.decided_at >= balance.asked_at)
        found["since_balance"] = balance, [spent(SUBMITTING), decided]
    return found


def _in_flight(provider: str, now: datetime, after: datetime | None = None) -> Sequence[Number]:
    """Submissions on their way, jobs that are open, and recent ones that may be either.

    A job that has been open for longer is stuck at most providers: it must not keep a place. Nor
    must one whose time is so far ahead that the clock it came from was wrong.
    `after` counts only what has begun after that.
    """
    since, recent, ahead = columns.submitting_at, now - COUNTED, now + AHEAD
    on_the_way = sa.select(sa.func.count()).where(
        columns.provider == provider,
        columns.state.in_((RequestState.SUBMITTING.value, RequestState.UNKNOWN.value)),
        sa.or_(SUBMITTING, sa.and_(since > recent, since <= ahead)),
    )
    running = sa.select(sa.func.count()).where(
        jobs.c.provider == provider,
        jobs.c.state.in_([state.value for state in OPEN]),
        jobs.c.first_seen > recent,
        jobs.c.first_seen <= ahead,
    )
    if after is None:
        return on_the_way, running
    return on_the_way.where(since > after), running.where(jobs.c.first_seen > after)


def _posts(provider: str, now: datetime) -> Sequence[Number]:
    """POSTs that may reach the server within this second: unanswered, or answered within it.

    Counted from the answers, not from the starts: requests bunch up on their way.
    """
    own = sa.select(sa.func.count()).where(columns.provider == provider)
    answered = own.where(
        ~SUBMITTING,
        columns.submitting_at.is_not(None),
        columns.decided_at > now - SECOND,
        columns.decided_at <= now + WAITED,
    )
    return own.where(SUBMITTING), answered


def _total(numbers: Sequence[Number]) -> sa.ColumnElement[Any]:
    """The sum, as one column: the database is asked once, which may be a network away."""
    first, *more = (number.scalar_subquery() for number in numbers)
    return sum(more, start=first)
