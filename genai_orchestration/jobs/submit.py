"""Submitting: every approved request leaves once, in the order of planning.

    approved ─► line? ─► Ledger.start ─► POST ─┬─► Accepted ──► submitted
                  │        │ reserved, on disk ├─► Rejected ──► rejected; of the account: stop
                  │        │                   ├─► NotNow ────► approved again; wait, or stop
                  ▼        ▼                   └─► Ambiguous ─► unknown ─► reconcile
                stop   full: follow what runs, and wait · budget spent: leave it approved

A process that dies anywhere here leaves at most one request `submitting`, which becomes unknown.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from genai_orchestration.jobs import line, reconcile, watch
from genai_orchestration.jobs.budget import BudgetSpent, InFlightFull, Limits, NoBudget, TooFast
from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.jobs.ledger_database import LedgerBusy, LedgerUnusable
from genai_orchestration.jobs.ledger_requests import WrongState
from genai_orchestration.jobs.ledger_tables import RequestRecord
from genai_orchestration.jobs.limits import limits_of
from genai_orchestration.jobs.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import QUICK
from genai_orchestration.providers.paid import Ambiguous, NotNow, Rejected
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import Accepted, Submitter

PATIENCE = timedelta(minutes=15)  # without any job ending, until waiting for a place is given up
ROOM_EVERY = 2.0  # seconds between two looks for a place in flight
A_MOMENT = 0.1  # seconds until a place under the ceiling of POSTs is looked for again
SLEPT = 30.0  # seconds that a provider's wait is slept here; a longer one ends the pass
POSTPONED = 3  # times that one request is put off in a pass
LIMITS_LAST = timedelta(minutes=1)  # settings and balance are read again after that
OPEN = (JobState.QUEUED, JobState.RUNNING)
RECORDED = 5  # attempts to write down an answer that has been paid for

logger = logging.getLogger(__name__)


@dataclass
class Passed:
    """What one pass over the approved requests did."""

    submitted: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    waiting: int = 0  # still approved
    reasons: dict[str, int] = field(default_factory=dict)  # why not, and for how many
    stopped: str | None = None  # why the line ended before its end

    @property
    def sent(self) -> int:
        """How many requests left, whatever came of them."""
        return len(self.submitted) + len(self.rejected) + len(self.unknown)

    def because(self, reason: object) -> None:
        """Note why a request, or the rest of them, stays approved."""
        self.reasons[str(reason)] = self.reasons.get(str(reason), 0) + 1


class _Stop(Exception):
    """The rest of the line stays approved; the text says why."""


@dataclass(kw_only=True)
class Line:
    """One provider's approved requests, and what it takes to submit them."""

    ledger: Ledger
    provider: Provider
    submitter: Submitter
    patience: timedelta = PATIENCE
    clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    sleep: Callable[[float], None] = time.sleep
    passed: Passed = field(default_factory=Passed)
    _limits: tuple[datetime, Limits] | None = None

    def submit(self, operation: str | None = None, campaign: str | None = None) -> Passed:
        """Submit what is approved of the provider; safe to run again, and beside others."""
        reconcile.reconcile_all(self.ledger, self.provider, self.submitter, self.clock, self.sleep)
        too_dear: dict[str | None, int] = {}  # by campaign: the lowest price that was refused
        try:
            for record in self._approved(operation, campaign):
                price = record.price_estimate or 0
                if price >= too_dear.get(record.campaign, price + 1):
                    continue
                try:
                    self._submit(record)
                except (BudgetSpent, NoBudget) as refused:
                    self.passed.because(refused)
                    if isinstance(refused, NoBudget):
                        self.passed.stopped = str(refused)
                    too_dear[record.campaign] = price
        except _Stop as stop:
            self.passed.stopped = str(stop)
            self.passed.because(stop)
        self.passed.waiting = sum(1 for _ in self._approved(operation, campaign))
        return self.passed

    def _approved(self, operation: str | None, campaign: str | None) -> Iterator[RequestRecord]:
        yield from self.ledger.requests(
            provider=self.provider.name,
            operation=operation,
            campaign=campaign,
            states=[RequestState.APPROVED],
        )

    def _submit(self, record: RequestRecord) -> None:
        """One request, once; put off a few times while the provider is busy."""
        for attempt in range(POSTPONED):
            if not self._start(record):
                return  # another process has it
            try:
                self._post(record)
                return
            except NotNow as later:
                wait = later.wait if later.wait is not None else 2.0**attempt
                if wait > SLEPT or attempt == POSTPONED - 1:
                    raise _Stop(str(later)) from None
                self.sleep(wait)

    def _start(self, record: RequestRecord) -> bool:
        """Reserve what the request needs, waiting for a place; False when it is not approved."""
        waited_since = self.clock()
        while True:
            now = self.clock()
            self._check_line(now)
            try:
                self.ledger.start(record.request_key, self._current_limits(record, now), now)
                return True
            except WrongState:
                return False
            except TooFast:
                self.sleep(A_MOMENT)
            except InFlightFull as full:
                if self._follow():
                    waited_since = self.clock()
                elif now - waited_since >= self.patience:
                    raise _Stop(str(full)) from None
                else:
                    self.sleep(ROOM_EVERY)

    def _check_line(self, now: datetime) -> None:
        newest = self.ledger.outcomes(self.provider.name, line.NEWEST)
        if line.failures_in_a_row(newest) < line.IN_A_ROW:
            return
        trying = self._started_since(newest[0].at)
        why = line.stopped(self.provider.title, newest, trying, now)
        if why:
            raise _Stop(why)

    def _started_since(self, moment: datetime) -> bool:
        """Whether a submission, or a job, that began after that moment is not over."""
        on_the_way = self.ledger.requests(
            provider=self.provider.name, states=[RequestState.SUBMITTING]
        )
        running = self.ledger.jobs(provider=self.provider.name, states=OPEN)
        return any(each.submitting_at and each.submitting_at > moment for each in on_the_way) or (
            any(job.first_seen > moment for job in running)
        )

    def _post(self, record: RequestRecord) -> None:
        """Send the request, and write down whatever comes of it; NotNow leaves it approved."""
        key = record.request_key
        try:
            accepted = self.submitter.submit(record.operation, record.payload, key)
        except Rejected as no:
            self.ledger.rejected(key, no.failure, str(no), self.clock())
            self.passed.rejected.append(key)
            if no.failure.of_the_account:
                raise _Stop(str(no)) from None
        except NotNow:
            self.ledger.released(key)
            raise
        except Ambiguous as unclear:
            self._unclear(record, str(unclear))
        except BaseException:
            with contextlib.suppress(Exception):
                self.ledger.unknown(key, "the submission was interrupted", self.clock())
            raise
        else:
            logger.info("%s made %s of the request %s.", self.provider.title, accepted.job_id, key)
            self._record(key, accepted)
            self.passed.submitted.append(key)

    def _unclear(self, record: RequestRecord, words: str) -> None:
        """An answer was lost: look the request up where that can be done."""
        key = record.request_key
        self.ledger.unknown(key, words, self.clock())
        unknown = self.ledger.request(key)
        reconcile.reconcile(self.ledger, self.submitter, unknown, self.clock, self.sleep)
        found = self.ledger.request(key).state is RequestState.SUBMITTED
        (self.passed.submitted if found else self.passed.unknown).append(key)

    def _record(self, key: str, accepted: Accepted) -> None:
        """Write down a job that is paid for: its id must not be lost, so it is tried for long."""
        for attempt in range(RECORDED):
            try:
                self.ledger.submitted(
                    key, accepted.job_id, accepted.charged, self.clock(), answer=accepted.answer
                )
                return
            except (LedgerBusy, LedgerUnusable) as error:
                logger.error(
                    "%s made %s of %s, and the ledger cannot be written: %s",
                    *(self.provider.title, accepted.job_id, key, error),
                )
                if attempt == RECORDED - 1:
                    raise LedgerUnusable(
                        f"{error} {self.provider.title} has made the job {accepted.job_id} of the "
                        f"request {key}: once the ledger works, run genai requests resolve {key} "
                        f"--job {accepted.job_id}."
                    ) from None
                self.sleep(2.0**attempt)

    def _follow(self) -> bool:
        """Look whether jobs that take a place have ended."""
        ended = 0
        for kind in self.provider.job_kinds:
            found = watch.look(
                *(self.ledger, self.provider, kind, kind.connect(QUICK), self.clock()),
                seconds=SLEPT,
            )
            ended += found.ended
        return ended > 0

    def _current_limits(self, record: RequestRecord, now: datetime) -> Limits:
        """Settings and balance, read a moment ago at most."""
        if self._limits is None or now - self._limits[0] > LIMITS_LAST:
            campaigns = {each.campaign for each in self._approved(None, None)}
            self._limits = (now, limits_of(self.provider, self.submitter, campaigns, now))
        return self._limits[1]
