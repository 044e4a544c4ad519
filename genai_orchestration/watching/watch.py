"""Following jobs by id: when each is asked after, and what is written down of the answers.

    due jobs ─► one GET each ─► Ledger.observe_all ─► ended: record kept, a run loads it
       ▲                             │ open, or no answer
       └──── next_poll ◄─────────────┘   first at 0.8 of its usual time, then 7 % of its age
                                         with jitter, from the shortest rest to the ceiling;
                                         stuck: rarely

`next_poll` and `confirm_gone` are pure; `poll` asks the provider and writes to the ledger.
"""

import dataclasses
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from genai_orchestration.clock import AHEAD
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import JobObservation, JobRecord
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import RetryPolicy
from genai_orchestration.providers.recipient import Configured, OtherAccount
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.states import OPEN, JobState
from genai_orchestration.providers.work import JobKind, JobReader, JobReport, Polling

FIRST = 0.8  # of the usual time: a little early, so that a shorter usual time is learnt, too
SHARE = 0.07  # of a job's age until it is asked after again: with jitter and nap, a tenth too late
UNKNOWN = timedelta(seconds=1)  # the usual time of jobs that nothing is known of
JITTER = 0.1  # of each rest, either way: jobs that began together are not asked after together
LEARNT_FROM = 50  # newest successes whose median is the usual time
AGAIN_AFTER = timedelta(minutes=10)  # what is not found is believed when it is not found again
COMPLETE_WITHIN = timedelta(minutes=5)  # of its end: until all that a job has made is there
PLAIN = "gone"  # the word for an answer 410
ANNOUNCED = timedelta(days=1)  # before the provider forgets a job
THREADS = 8
REPORTS_PER_TRANSACTION = 64  # reports of one transaction
POLL_SLEEP_SECONDS = 0.5  # between two polls while lingering
TROUBLES = THREADS  # jobs without an answer, after which the provider is left alone


@dataclass(frozen=True)
class PollResult:
    """What one poll of the jobs of a kind found."""

    asked: int = 0
    ended: int = 0
    open: int = 0
    stuck: tuple[JobRecord, ...] = ()
    expiring: tuple[JobRecord, ...] = ()  # soon forgotten by the provider, and still open
    trouble: str = ""  # what kept the poll from going on, as a sentence


def next_poll(
    age: timedelta, expected: timedelta, polling: Polling, now: datetime, chance: float
) -> datetime:
    """When a job of that age is asked after again; `chance` is from -1 to 1."""
    if age >= polling.deadline:
        rest = polling.stuck_interval
    else:
        first = _first(expected, polling) - age
        rest = max(min(age * SHARE, polling.ceiling), polling.shortest, first)
    return now + rest * (1 + JITTER * chance)


def _first(expected: timedelta, polling: Polling) -> timedelta:
    """The age at which a job is first asked after.

    Not above the ceiling: a usual time that was learnt while nobody polled would never be unlearnt.
    """
    return min(expected * FIRST, polling.ceiling)


def confirm_gone(report: JobReport, job: JobRecord, now: datetime) -> JobReport:
    """The report, but a job that is not there counts as open until that was said before, too.

    A provider may not know a new job yet, nor any for a moment. Only an explicit GONE is plain.
    A job that has ended without all that it has made is running for `COMPLETE_WITHIN` more.
    """
    if report.incomplete:
        since = job.incomplete_since
        if since and now - since >= COMPLETE_WITHIN:
            return report
        return dataclasses.replace(report, state=JobState.RUNNING, record=None, error=None)
    if report.state is not JobState.GONE or report.raw == PLAIN:
        return report
    said_before = job.raw_status == report.raw and job.last_polled is not None
    if said_before and job.last_polled and now - job.last_polled >= AGAIN_AFTER:
        return report
    return dataclasses.replace(report, state=None, record=None)


def _report(
    job: JobRecord, report: JobReport, expected: timedelta, polling: Polling, now: datetime
) -> JobObservation:
    """What is written down of a report, and when the job is asked after again."""
    age, held = _age(job, now), confirm_gone(report, job, now)
    again = next_poll(age, expected, polling, now, random.uniform(-1, 1))  # noqa: S311 no secret
    if report.incomplete:
        again = min(again, (job.incomplete_since or now) + COMPLETE_WITHIN)
    elif held is not report and age >= AGAIN_AFTER:
        again = max(again, now + AGAIN_AFTER)  # sooner, it would be no second witness
    return JobObservation(job.key, held, again)


def _age(job: JobRecord, now: datetime) -> timedelta:
    """How old the job is; one from far ahead is of a wrong clock, and old enough to be asked."""
    age = now - job.first_seen
    return age if age > -AHEAD else AGAIN_AFTER


def expected_durations(ledger: Ledger, provider: Provider, kind: JobKind) -> dict[str, timedelta]:
    """How long the kind's jobs usually take, by operation: learnt, else as published."""
    times: dict[str, timedelta] = {}
    for operation in provider.operations:
        if operation.job_kind == kind.name:
            newest = ledger.durations(provider.name, operation.name, LEARNT_FROM)
            learnt = [duration.total_seconds() for duration in newest]
            published = kind.polling.medians.get(operation.name, UNKNOWN)
            expected = timedelta(seconds=statistics.median(learnt)) if learnt else published
            times[operation.name] = expected
    return times


def follow(
    ledger: Ledger,
    provider: Provider,
    kind: JobKind,
    policy: RetryPolicy,
    clock: Callable[[], datetime],
    *,
    seconds: float,
    linger: timedelta = timedelta(),
    sleep: Callable[[float], None] = time.sleep,
) -> PollResult:
    """Look at the kind's jobs, if any is open: without one, nobody is connected to.

    With `stay`, poll for that long, as long as any job is due in it.
    """
    if not ledger.jobs(provider=provider.name, kind=kind.name, states=OPEN, limit=1):
        return PollResult()
    reader, until, asked, ended = kind.connect(policy), clock() + linger, 0, 0
    while True:
        found = poll(ledger, provider, kind, reader, clock(), seconds=seconds)
        asked, ended = asked + found.asked, ended + found.ended
        due = ledger.jobs(provider=provider.name, kind=kind.name, due=until, limit=1)
        if found.trouble or not due or clock() >= until:
            return dataclasses.replace(found, asked=asked, ended=ended)
        sleep(POLL_SLEEP_SECONDS)


def poll(
    ledger: Ledger,
    provider: Provider,
    kind: JobKind,
    reader: JobReader,
    now: datetime,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> PollResult:
    """Ask after the jobs that are due, for at most some `seconds`, and write down the answers."""
    until = clock() + seconds
    expected, configured = expected_durations(ledger, provider, kind), Configured(reader)
    due, elsewhere = [], ""
    for job in ledger.jobs(provider=provider.name, kind=kind.name, due=now):
        try:
            configured.check_server(str(job.key), job.recipient)
        except OtherAccount as error:
            elsewhere = elsewhere or str(error)
        else:
            if job.last_polled or _age(job, now) >= _first(_expected(job, expected), kind.polling):
                due.append(job)
    asked = ended = 0
    troubles: list[str] = []
    for start in range(0, len(due), REPORTS_PER_TRANSACTION):
        batch = due[start : start + REPORTS_PER_TRANSACTION]
        reports = _ask(reader, configured, batch, lambda: clock() > until, troubles)
        seen = [
            _report(job, report, _expected(job, expected), kind.polling, now)
            for job, report in reports
        ]
        asked += len(seen)
        ended += sum(job.state.terminal for job in ledger.observe_all(seen, now))
        if len(troubles) >= TROUBLES or clock() > until:
            break
    trouble = troubles[0] if troubles else elsewhere
    return _summary(ledger, provider, kind, now, PollResult(asked, ended, trouble=trouble))


def _expected(job: JobRecord, expected: Mapping[str, timedelta]) -> timedelta:
    return expected.get(job.operation or "", UNKNOWN)


def _ask(
    reader: JobReader,
    configured: Configured,
    jobs: Sequence[JobRecord],
    late: Callable[[], bool],
    troubles: list[str],
) -> list[tuple[JobRecord, JobReport]]:
    """What the provider says of the jobs, a few at a time; `troubles` grows by what went wrong.

    A job that it says nothing of stays as it is and has to wait like the others: it would keep
    them all from being asked after. Several such, and the provider is left alone for now.
    A job that is not found is GONE only to the account that has it: it may be paid for again.
    """

    def ask(job: JobRecord) -> JobReport | None:
        if len(troubles) >= TROUBLES or late():
            return None
        try:
            report = reader.report(job.job_id)
            if report.state is JobState.GONE:
                configured.check(str(job.key), job.recipient)
            return report
        except ProviderError as error:
            troubles.append(str(error))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            troubles.append(f"What is said of {job.kind} {job.job_id} cannot be read: {error!r}.")
        return JobReport(state=None, raw=job.raw_status or "no answer")

    with ThreadPoolExecutor(THREADS) as executor:
        reports = list(executor.map(ask, jobs))
    return [(job, report) for job, report in zip(jobs, reports, strict=True) if report]


def _summary(
    ledger: Ledger, provider: Provider, kind: JobKind, now: datetime, found: PollResult
) -> PollResult:
    def older(age: timedelta) -> tuple[JobRecord, ...]:
        since = now - age
        return tuple(
            ledger.jobs(provider=provider.name, kind=kind.name, states=OPEN, seen_by=since)
        )

    return dataclasses.replace(
        found,
        open=ledger.open_jobs(provider.name, kind.name),
        stuck=older(kind.polling.deadline),
        expiring=older(kind.lasts - ANNOUNCED) if kind.lasts else (),
    )
