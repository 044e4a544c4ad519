"""The durable record of paid requests: what was asked for, what is running, what it cost.

    add ─► approve ─► start ─┬─ the caller's POST ─┬─► submitted ─► observe ... ─► mark_loaded
                             │ reserved and on     ├─► rejected                    mark_archived
                             │ disk before it      └─► unknown ─► resolve | release | abandon
                             └ a crash: orphaned ────────▲             (states.py draws it all)

Every method that writes is one transaction that no other writer runs beside, on SQLite and on
PostgreSQL: a process that dies leaves all of it or nothing, and eight that start submissions share
one budget. Clocks are passed in, as aware times. What is sent to whom does not belong here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from genai_orchestration.ledger import host, reservations
from genai_orchestration.ledger import jobs as ledger_jobs
from genai_orchestration.ledger import plans as ledger_plans
from genai_orchestration.ledger import requests as ledger_requests
from genai_orchestration.ledger import retries as ledger_retries
from genai_orchestration.ledger import sightings as ledger_sightings
from genai_orchestration.ledger.budget import Limits
from genai_orchestration.ledger.credits import parse_credits
from genai_orchestration.ledger.database import LedgerDatabase
from genai_orchestration.ledger.plans import Added
from genai_orchestration.ledger.reader import LedgerReader
from genai_orchestration.ledger.records import JobKey, JobObservation, JobRecord, RequestRecord
from genai_orchestration.ledger.sightings import Sighting
from genai_orchestration.ledger.states import Step
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import JobReport
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.settings import Settings

STUCK_AFTER = timedelta(days=1)


class Ledger(LedgerReader):
    """An open ledger. Threads may share it; a forked process opens its own.

    All methods raise LedgerBusy when others keep the database; those that take a key raise
    UnknownRequest for one that is not there, and WrongState for a step that does not begin where
    the request is, in which case nothing has changed.
    """

    def __init__(
        self, database: LedgerDatabase, *, who: str | None = None, clock: str | None = None
    ) -> None:
        super().__init__(database)
        self.who = who or host.who()  # written beside every decision
        self._clock = clock

    @classmethod
    def open(
        cls, settings: Settings, *, who: str | None = None, clock: str | None = None
    ) -> "Ledger":
        """Open GENAI_LEDGER, or GENAI_HOME/ledger.db; LedgerUnusable says why that fails."""
        return cls(LedgerDatabase.open(settings), who=who, clock=clock)

    @property
    def clock(self) -> str:
        """Names the clock of `now`: its times are compared with those of the same clock only."""
        return self._clock or self._database.clock or host.wall_clock()

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # planning

    def add(self, wanted: Iterable[PaidRequest], now: datetime) -> Added:
        """Plan the requests whose keys are new; `Added.check()` raises about the conflicts."""
        hashed = [(request, request.payload_hash) for request in wanted]
        with self._database.write() as connection:
            return ledger_plans.add(connection, hashed, now, self.who)

    def approve(
        self, keys: Iterable[str], now: datetime, *, prices: Mapping[str, int] | None = None
    ) -> int:
        """Allow planned requests to be submitted, all or none; how many were not before.

        `prices` are estimates, by key, that are known better now than when they were planned.
        """
        with self._database.write() as connection:
            ledger_plans.reprice(connection, prices or {})
            return ledger_plans.approve(connection, list(keys), now, self.who)

    def plan_retry(self, key: str, now: datetime, *, stuck_after: timedelta = STUCK_AFTER) -> str:
        """Plan another attempt of what failed or was abandoned; the new key, the same each time.

        A job that is open for longer than `stuck_after` counts as failed: it may yet be paid for.
        """
        with self._database.write() as connection:
            return ledger_retries.plan_retry(connection, key, now, self.who, stuck_after)

    # submitting

    def start(self, key: str, limits: Limits, now: datetime) -> RequestRecord:
        """Reserve budget and a place in flight: after this, and only then, the POST may leave.

        Raises LimitExceeded (ConcurrencyLimitReached, RateLimitExceeded, BudgetSpent or
        BudgetNotConfigured), and leaves the request approved.
        """
        with self._database.write() as connection:
            reservations.start(connection, key, limits, now, self.who, self.clock)
            return ledger_requests.get(connection, key)

    def mark_submitted(
        self,
        key: str,
        job_id: str,
        charged: int | None,
        now: datetime,
        *,
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        """The provider made a job of it, and says what it charged (credits; None: it does not say).

        The same again changes nothing. Another job of the same request is a WrongState, and
        another request's job a JobTaken.
        """
        with self._database.write() as connection:
            known: dict[str, Any] = {"credits_charged": parse_credits(charged), "answer": answer}
            ledger_requests.mark_submitted(connection, key, Step.SUBMITTED, job_id, now, **known)

    def mark_rejected(
        self,
        key: str,
        failure: Failure,
        text: str,
        now: datetime,
        *,
        started: datetime | None = None,  # as in `release`
    ) -> None:
        """The provider said no, in these words: nothing was made, nothing is charged."""
        values = {"error_class": failure.value, "error_text": ledger_requests.truncate_text(text)}
        with self._database.write() as connection:
            ledger_requests.check_started(connection, key, started, Step.REJECTED)
            ledger_requests.move(
                connection, key, Step.REJECTED, decided_at=now, credits_charged=0, **values
            )

    def mark_unknown(
        self, key: str, text: str, now: datetime, *, started: datetime | None = None
    ) -> None:
        """Nobody knows whether the POST arrived; its price stays reserved."""
        with self._database.write() as connection:
            ledger_requests.check_started(connection, key, started, Step.UNKNOWN)
            ledger_requests.undecided(connection, key, now, text)

    def mark_orphans_unknown(self, now: datetime) -> list[str]:
        """Make `unknown` what, by this clock, submits for longer than any POST takes; the keys."""
        with self._database.write() as connection:
            return ledger_sightings.mark_orphans_unknown(connection, now, self.who, self.clock)

    def record_sighting(self, record: RequestRecord, now: datetime) -> Sighting:
        """Since when this ledger's clock has known the request's POST to be out, and ended."""
        with self._database.write() as connection:
            return ledger_sightings.record_sighting(connection, record, now, self.clock)

    def release(self, key: str, *, started: datetime | None = None) -> None:
        """The provider has proved that nothing arrived: it may be started again.

        `started` is the `submitting_at` that the proof is of: it is none of a later POST.
        """
        with self._database.write() as connection:
            ledger_requests.check_started(connection, key, started, Step.RELEASED)
            ledger_requests.move(
                connection, key, Step.RELEASED, **dict.fromkeys(ledger_requests.OF_A_POST)
            )

    # deciding, by a person

    def resolve(self, key: str, job_id: str | None, now: datetime) -> None:
        """An unknown request has been looked up: it is that job, or (None) it never arrived.

        A job may also be found for one that was sent, and has been rejected or abandoned since.
        What never arrived is abandoned and costs nothing; a retry is a new attempt.
        """
        decision: dict[str, Any] = {"decided_by": self.who}
        with self._database.write() as connection:
            if job_id is not None:
                step = Step.RESOLVE_FOUND
                ledger_requests.mark_submitted(connection, key, step, job_id, now, **decision)
            else:
                decision |= {"decided_at": now, "credits_charged": 0}
                ledger_requests.move(connection, key, Step.RESOLVE_NOTHING, **decision)

    def abandon(self, key: str, now: datetime) -> None:
        """Nobody will submit it, or look it up again; what may have been paid stays counted."""
        with self._database.write() as connection:
            ledger_requests.move(connection, key, Step.ABANDON, decided_at=now, decided_by=self.who)

    # following

    def observe(
        self, job: JobKey, report: JobReport, now: datetime, *, next_poll: datetime | None = None
    ) -> JobRecord:
        """Write down what the provider said of a job, and what it cost; the job as it is then.

        A terminal state never changes, and nothing goes back; a word that nobody knows is kept,
        and the job is still open. UnknownJob without the job.
        """
        with self._database.write() as connection:
            return ledger_jobs.observe(connection, job, report, now, next_poll)

    def observe_all(self, seen: Iterable[JobObservation], now: datetime) -> list[JobRecord]:
        """Write down what was said of many jobs, in one transaction; the jobs as they are then.

        A report that cannot be written is logged, and the others are written.
        """
        with self._database.write() as connection:
            found = [ledger_jobs.observe_or_log(connection, each, now) for each in seen]
        return [record for record in found if record]

    def record_charge(self, key: str, credits: int) -> bool:
        """What a submitted request cost, in credits; whether that is news.

        The first word of it counts, and after that only a lower one: a refund. While the job is
        open, the budget counts what was reserved, if that is more.
        """
        with self._database.write() as connection:
            return ledger_requests.record_charge(connection, key, credits)

    def mark_loaded(self, finished: Iterable[JobKey], now: datetime) -> None:
        """These jobs, all of them ended, are in the warehouse."""
        with self._database.write() as connection:
            ledger_jobs.mark(connection, "loaded", finished, now)

    def mark_archived(self, finished: Iterable[JobKey], now: datetime) -> None:
        """The files of these jobs, all of them ended, are in the archive."""
        with self._database.write() as connection:
            ledger_jobs.mark(connection, "archived", finished, now)
