"""What must hold of paid requests: verdicts of asset checks, from what the ledger was asked.

    requests ─► no_unknown      jobs ─► no_stuck      caps and sums ─► within_budget
    two readings of the balance, and what the ledger knows as charged between ─► balance_matches

Pure: no ledger, no clock, no Dagster.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from genai_orchestration.errors import counted, some_of
from genai_orchestration.ledger.records import JobRecord, RequestRecord
from genai_orchestration.ledger.requests import LONGEST_POST
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.sums import Spent
from genai_orchestration.providers.work import JobKind
from genai_orchestration.watching.watch import ANNOUNCED

NAMED = 10  # requests or jobs that a sentence names
WARN_AT = 0.8  # of a cap


@dataclass(frozen=True)
class Verdict:
    """Whether it holds, and the numbers; `grave` when it does not and a person has to act."""

    passed: bool
    description: str
    grave: bool = False


@dataclass(frozen=True, kw_only=True)
class SpentCap:
    """A configured cap in credits, by the name of its setting, and what is spent of it."""

    setting: str
    credits: int
    spent: int

    @property
    def description(self) -> str:
        """The numbers."""
        share = f" ({100 * self.spent // self.credits} %)" if self.credits else ""
        return f"{self.spent} of {counted(self.credits, 'credit')}{share} by {self.setting}"


@dataclass(frozen=True, kw_only=True)
class BalanceReading:
    """What the provider said was left at one moment; None where there is no limit."""

    at: datetime
    credits: int | None


def no_unknown(requests: Iterable[RequestRecord], now: datetime) -> Verdict:
    """No request is of unknown outcome, nor has one waited longer for an answer than any can."""
    unknown = [
        each
        for each in requests
        if each.state is RequestState.UNKNOWN
        or (
            each.state is RequestState.SUBMITTING
            and each.submitting_at is not None
            and now - each.submitting_at > LONGEST_POST
        )
    ]
    if not unknown:
        return Verdict(True, "The outcome of every request is known.")
    named = [f"{each.request_key} since {each.submitting_at:%Y-%m-%d %H:%M}" for each in unknown]
    description = (
        f"Nobody knows whether the provider has taken {counted(len(unknown), 'request')}: "
        f"{some_of(named, NAMED)} (UTC). See the ways out with genai requests show "
        f"{unknown[0].request_key}."
    )
    return Verdict(False, description, grave=True)


def within_budget(caps: Sequence[SpentCap]) -> Verdict:
    """Less than WARN_AT of each cap is spent or reserved; all of one is grave."""
    # a cap of 0 is a lock, and no budget that runs out
    full = [cap for cap in caps if cap.spent >= cap.credits and cap.spent]
    near = [cap for cap in caps if cap.credits and cap.spent >= WARN_AT * cap.credits]
    caps_used = "; ".join(cap.description for cap in full or near or caps)
    if full:
        return Verdict(False, f"Used up: {caps_used}. Wait, or raise it.", grave=True)
    if near:
        return Verdict(False, f"Nearly used up: {caps_used}.")
    if not caps:
        return Verdict(True, "No cap is configured: only a local address is submitted to.")
    return Verdict(True, f"Spent or reserved: {caps_used}.")


def no_stuck(jobs: Iterable[JobRecord], kind: JobKind, now: datetime) -> Verdict:
    """No open job is older than jobs of its kind should get, or is soon forgotten there."""
    found = sorted((job for job in jobs if not job.state.terminal), key=lambda job: job.first_seen)
    old = [job for job in found if now - job.first_seen >= kind.polling.deadline]
    limit = _span(kind.polling.deadline)
    if not old:
        return Verdict(True, f"{len(found)} open, none for {limit}.")
    named = [f"{job.job_id} since {job.first_seen:%Y-%m-%d %H:%M}" for job in old]
    description = f"Open for over {limit}: {some_of(named, NAMED)} (UTC)."
    if kind.lasts is not None:
        ends = [(job, job.first_seen + kind.lasts) for job in old]
        gone = [job.job_id for job, end in ends if end <= now]
        expiring = [
            f"{job.job_id} at {end:%Y-%m-%d %H:%M}"
            for job, end in ends
            if now < end <= now + ANNOUNCED
        ]
        if expiring:
            description += (
                f" The provider will forget within a day: {some_of(expiring, NAMED)} (UTC)."
            )
        if gone:
            description += f" It has forgotten by now: {some_of(gone, NAMED)}."
    return Verdict(False, f"{description} See genai jobs show {old[0].job_id}.")


def balance_matches(
    provider: str, before: BalanceReading, after: BalanceReading, spent: Spent
) -> Verdict:
    """What the balance lost between two readings is what the ledger says was charged."""
    if before.credits is None or after.credits is None:
        return Verdict(True, "The balance has no limit: there is nothing to compare.")
    lost = before.credits - after.credits
    went = f"from {before.credits} to {counted(after.credits, 'credit')}"
    when = f"between {before.at:%Y-%m-%d %H:%M} and {after.at:%Y-%m-%d %H:%M} UTC"
    balance = f"The balance went {went} {when}"
    if not spent.ever:
        return Verdict(True, f"{balance}; the ledger has sent no request yet.")
    ledger = _ledger(spent)
    if spent.low <= lost <= spent.high or (lost > spent.high and spent.unpriced):
        return Verdict(True, f"{balance}; {ledger}.")
    if lost < 0:
        most, least = spent.high - lost, spent.low - lost
        added = f"{most}" if most == least else f"{least} to {most}"
        return Verdict(True, f"{balance}: a top-up of {added}; {ledger}.")
    drift = lost - spent.high if lost > spent.high else spent.low - lost
    cause = (
        "somebody else spends from the account, or a request was charged that the ledger does not "
        "know of"
        if lost > spent.high
        else "a top-up in between, a refund that was not noticed, or a price that is lower now"
    )
    return Verdict(
        False,
        f"{balance}, so it lost {lost}; {ledger}: a drift of {drift}. Either {cause}. Compare "
        f"genai requests list --provider {provider} with the provider's own list.",
    )


def _ledger(spent: Spent) -> str:
    charged = f"{spent.low}" if spent.low == spent.high else f"{spent.low} to {spent.high}"
    why = f" ({counted(spent.unsure, 'request')} not over or unclear)" if spent.unsure else ""
    more = f", and {spent.unpriced} without a known price" if spent.unpriced else ""
    return f"the ledger has charged {charged}{why}{more}"


def _span(span: timedelta) -> str:
    return counted(span.total_seconds() / 60, "minute")
