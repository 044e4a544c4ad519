"""What a request costs, as far as it is known: what the budget counts, and what is written down.

open, or nobody knows its end ─► the larger one of what was reserved and what was reported
over ──────────────────────────► what was reported last, else what was reserved
"""

import sqlalchemy as sa

from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.tables import jobs, requests
from genai_orchestration.providers.states import JobState

LARGEST_CREDITS = 2**62  # credits; sums of a few such still fit where they are kept
ENDED = tuple(state.value for state in JobState if state.terminal and state is not JobState.GONE)
DECIDED = (RequestState.REJECTED.value, RequestState.ABANDONED.value)

columns = requests.c
_reserved = sa.func.coalesce(columns.reserved, 0)
_over = sa.or_(
    columns.state.in_(DECIDED),
    sa.exists().where(jobs.c.request_key == columns.request_key, jobs.c.state.in_(ENDED)),
)

COST = sa.case(
    (columns.credits_charged.is_(None), _reserved),
    (columns.credits_charged >= _reserved, columns.credits_charged),
    # only now it matters, and a job's look-up takes longer than all the rest of a sum
    (_over, columns.credits_charged),
    else_=_reserved,
)


def parse_credits(credits: object) -> int | None:
    """What a provider says was charged; None for what can be no number of credits."""
    if isinstance(credits, bool) or not isinstance(credits, int):
        return None
    return credits if 0 <= credits <= LARGEST_CREDITS else None
