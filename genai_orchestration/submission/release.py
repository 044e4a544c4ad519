"""Whether approved requests of an operation are to be submitted now, by a run of their own.

    waiting ─► nothing asked ────────────────────────────► ask (attempt 1)
               asked: its run ─┬─ on its way ────────────► wait: one run at a time
                               ├─ was never started ─────► ask the same again
                               ├─ failed ────────────────► rest 30 s, 1, 2, 4 minutes, then hourly
                               └─ succeeded, and left some ─┬─ newly approved ─► ask (attempt 1)
                                                            └─ the same ones ──► rest likewise

Only what a person has approved is ever released, unless the address is the sandbox's. Pure.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from genai_orchestration.errors import counted
from genai_orchestration.ledger.budget import is_local
from genai_orchestration.ledger.outcomes import Outcome as End
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.sums import Waiting
from genai_orchestration.watching.day_watch import RED_AFTER, RunOutcome, delay

SANDBOX_KEY = "sandbox"  # the API key of every provider's sandbox, and of no real account
SANDBOX_APPROVER = "generation_requests_sensor"  # who approves in the sandbox, and nowhere else
ACCOUNT_REST = timedelta(hours=1)  # after a refusal that a person has to fix first


def is_sandbox(address: str, api_key: object) -> bool:
    """Whether nothing can cost anything there: a local address alone may be a tunnel."""
    return is_local(address) and api_key == SANDBOX_KEY


@dataclass(frozen=True, kw_only=True)
class QueueStatus:
    """The requests of an operation that are not submitted yet, as numbers."""

    planned: int = 0
    approved: int = 0
    by_sensor: int = 0  # of the approved: approved by no person
    newest: datetime | None = None  # when the last of them was approved
    campaigns: frozenset[str | None] = frozenset()

    @classmethod
    def of(cls, groups: Iterable[Waiting], operation: str, sensor: str) -> "QueueStatus":
        """The sum of the operation's groups."""
        mine = [group for group in groups if group.operation == operation]
        approved = [group for group in mine if group.state is RequestState.APPROVED]
        return cls(
            planned=sum(each.number for each in mine if each.state is RequestState.PLANNED),
            approved=sum(each.number for each in approved),
            by_sensor=sum(each.number for each in approved if each.approved_by == sensor),
            newest=max((each.newest for each in approved if each.newest), default=None),
            campaigns=frozenset(each.campaign for each in approved),
        )


@dataclass(frozen=True, kw_only=True)
class RequestedRun:
    """A run that was asked for to submit an operation's approved requests."""

    seq: int
    at: datetime
    waiting: int  # how many requests were approved then
    attempt: int = 1

    def key(self, what: str) -> str:
        """The run's key: a tick that is done again after a crash asks for the same one."""
        return f"{what}|s{self.seq}|a{self.attempt}"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What one tick decides for an operation: a run, or a sentence why there is none."""

    asked: RequestedRun | None
    run: bool = False
    reason: str = ""
    failed: bool = False  # it has failed too often


def decide(
    asked: RequestedRun | None, outcome: RunOutcome, queue: QueueStatus, seq: int, now: datetime
) -> Decision:
    """Whether to ask for a run now; `outcome` is that of `asked`, and `seq` a new number."""
    first = RequestedRun(seq=seq, at=now, waiting=queue.approved)
    if asked is None:
        return Decision(asked=first, run=True) if queue.approved else Decision(asked=None)
    if outcome.state == "active":
        return Decision(asked=asked, reason="are being submitted")
    if not queue.approved:
        return Decision(asked=None)
    match outcome.state:
        case "missing":
            return Decision(asked=asked, run=True)
        case "succeeded" if queue.newest is None or queue.newest > asked.at:
            return Decision(asked=first, run=True)
    again = (outcome.ended or asked.at) + delay(asked.attempt)
    if now < again:
        return _resting(asked, outcome, again)
    progress = outcome.state == "succeeded" and queue.approved < asked.waiting
    attempt = 1 if progress else asked.attempt + 1
    return Decision(asked=dataclasses.replace(first, attempt=attempt), run=True)


def _resting(asked: RequestedRun, outcome: RunOutcome, again: datetime) -> Decision:
    if outcome.state == "succeeded":
        reason = (
            f"could not be submitted by the last run, which says why; the next one is at "
            f"{again:%H:%M:%S} UTC"
        )
        return Decision(asked=asked, reason=reason)
    times = counted(asked.attempt, "time")
    cause = outcome.cause or "see the run"
    reason = f"failed to be submitted {times}, again at {again:%H:%M:%S} UTC: {cause}"
    return Decision(asked=asked, reason=reason, failed=asked.attempt >= RED_AFTER)


def refused_by_account(title: str, newest: Iterable[End], now: datetime) -> str | None:
    """Why nothing is to be tried, when the newest end says that every request would fail."""
    end = next(iter(newest), None)
    if end is None or end.failure is None or not end.failure.of_the_account:
        return None
    again = end.at + ACCOUNT_REST
    if now >= again:
        return None
    return (
        f"{title} has refused the last request for the whole account "
        f"({end.failure.value.replace('_', ' ')}): fix that, and run genai requests submit, or "
        f"wait until {again:%H:%M:%S} UTC"
    )
