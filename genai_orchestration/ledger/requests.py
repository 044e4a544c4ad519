"""The steps of a paid request, each in a transaction that the ledger gives it.

Every step is an UPDATE that names the states it may leave (`states.py` draws them); a request that
is in another state is left as it is, and WrongState says in which and what to do.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from genai_orchestration.errors import UserError
from genai_orchestration.ledger.credits import parse_credits
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.ledger.states import ENTERS, LEAVES, NEXT, REPEATABLE, RequestState, Step
from genai_orchestration.ledger.tables import jobs, requests
from genai_orchestration.providers.states import Failure, JobState
from genai_orchestration.requests.paid_request import shown

LONGEST_POST = timedelta(minutes=10)  # connecting, sending and all of an answer, with slack
TEXT_LENGTH = 2000  # characters of a vendor's words that are kept
OF_A_POST = (  # columns of the POST: a request that may be sent again has none of them
    *("reserved", "server", "account", "clock", "submitting_at", "submitting_by"),
    *("decided_at", "decided_by", "error_class", "error_text"),
)

columns = requests.c


class UnknownRequest(UserError):
    """The ledger has no request of that key."""


class WrongState(UserError):
    """The request, or its job, is not in the state where this step begins."""


class JobTaken(UserError):
    """The job belongs to another request already."""


def get(connection: sa.Connection, key: str) -> RequestRecord:
    """The request of that key, or UnknownRequest."""
    row = (
        connection.execute(sa.select(requests).where(columns.request_key == key))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise UnknownRequest(
            f"The ledger has no request {shown(key)}: list the ones it has, or plan it first."
        )
    return RequestRecord.of(row)


def move(connection: sa.Connection, key: str, step: Step, **values: Any) -> None:
    """Take one step, or raise WrongState; a repeatable step taken before changes nothing."""
    leaves = [state.value for state in LEAVES[step]]
    done = connection.execute(
        sa.update(requests)
        .where(columns.request_key == key, columns.state.in_(leaves))
        .values(state=ENTERS[step].value, **values)
    )
    if done.rowcount == 1:
        return
    record = get(connection, key)
    if not (step in REPEATABLE and record.state is ENTERS[step]):
        raise wrong_state(record, step.value)


def check_started(
    connection: sa.Connection, key: str, started: datetime | None, step: Step
) -> None:
    """WrongState for what has been started again since; None: whichever POST it was."""
    record = get(connection, key)
    if started is not None and record.submitting_at != started:
        raise wrong_state(record, step.value)


def wrong_state(record: RequestRecord, cannot: str) -> WrongState:
    """The sentence about a step that begins elsewhere."""
    return WrongState(
        f"The request {record.request_key} is {record.state.value} and cannot be {cannot}: "
        f"{NEXT[record.state]}."
    )


def mark_submitted(
    connection: sa.Connection,
    key: str,
    step: Step,
    job_id: str,
    now: datetime,
    **values: Any,
) -> None:
    """Record the job that the provider made of a request; the same job again changes nothing."""
    record = get(connection, key)
    if record.state is RequestState.SUBMITTED:
        if record.provider_job_id == job_id:
            return
        raise WrongState(
            f"The request {key} is {record.provider}'s job {record.provider_job_id} already, and "
            f"now its job {job_id} is reported as well: check both there; one may be paid for "
            "in vain."
        )
    if record.state not in LEAVES[step] or record.submitting_at is None:
        raise _a_job_of(record, step, job_id)
    # what was decided before the job turned up is not true: neither its cause nor that it is free
    known = {"provider_job_id": job_id, "decided_at": now, "credits_charged": None}
    move(connection, key, step, **{**known, "error_class": None, "error_text": None, **values})
    _make_job(connection, record, job_id, now)


def _a_job_of(record: RequestRecord, step: Step, job_id: str) -> WrongState:
    """The sentence about a job that is known, of a request that cannot have it: never a retry."""
    key = record.request_key
    follow = {
        RequestState.SUBMITTING: NEXT[RequestState.SUBMITTING],
        RequestState.REJECTED: f"run genai requests resolve {key} --job {job_id}",
    }
    other = f"check at {record.provider} whose job {job_id} is, and do not send {key} before"
    return WrongState(
        f"The request {key} is {record.state.value} and cannot be {step.value}: "
        f"{follow.get(record.state, other)}."
    )


def _make_job(connection: sa.Connection, record: RequestRecord, job_id: str, now: datetime) -> None:
    where = (jobs.c.provider == record.provider, jobs.c.kind == record.job_kind)
    owner = connection.execute(
        sa.select(jobs.c.request_key).where(*where, jobs.c.job_id == job_id)
    ).scalar_one_or_none()
    if owner is not None:
        raise JobTaken(
            f"{record.provider}'s job {job_id} belongs to the request {owner}, so it cannot be "
            f"the one of {record.request_key}: look up the right one at the provider."
        )
    connection.execute(
        sa.insert(jobs).values(
            provider=record.provider,
            kind=record.job_kind,
            job_id=job_id,
            state=JobState.QUEUED.value,
            request_key=record.request_key,
            operation=record.operation,
            server=record.server,
            account=record.account,
            first_seen=now,
            next_poll=now,
        )
    )


def record_charge(connection: sa.Connection, key: str, credits: int) -> bool:
    """Write what a job cost, when that is news: the first word of it, or a lower one (a refund)."""
    if parse_credits(credits) is None:
        raise ValueError(f"{credits} credits: what is charged is never below zero, nor endless")
    known = columns.credits_charged
    done = connection.execute(
        sa.update(requests)
        .where(columns.request_key == key, columns.state == RequestState.SUBMITTED.value)
        .where(sa.or_(known.is_(None), known > credits))
        .values(credits_charged=credits)
    )
    if done.rowcount == 0 and (record := get(connection, key)).state is not RequestState.SUBMITTED:
        raise wrong_state(record, "charged")
    return done.rowcount == 1


def record_final_cost(connection: sa.Connection, key: str, credits: int | None) -> None:
    """Write what a job has cost now that it is over, which may be more than its first word."""
    if credits is not None:
        connection.execute(
            sa.update(requests)
            .where(columns.request_key == key, columns.state == RequestState.SUBMITTED.value)
            .values(credits_charged=credits)
        )


def undecided(
    connection: sa.Connection, key: str, now: datetime, text: str, who: str | None = None
) -> None:
    """Record that nobody knows whether the POST arrived; `who` gave up on another process's."""
    ambiguous = Failure.AMBIGUOUS.value
    values = {"error_class": ambiguous, "error_text": truncate_text(text), "decided_at": now}
    move(connection, key, Step.UNKNOWN, decided_by=who, **values)


def truncate_text(text: str) -> str:
    """A vendor's words as any database takes them, and not a whole page of them."""
    plain = text.replace("\0", "").encode("utf-8", "backslashreplace").decode()
    return plain[:TEXT_LENGTH]
