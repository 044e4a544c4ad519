"""Submitting: every approved request leaves once, in the order of planning.

    approved ─► line? ─► Ledger.start ─► POST ─┬─► Accepted ──► submitted
                  │        │ reserved, on disk ├─► Rejected ──► rejected; of the account: stop
                  │        │                   ├─► NotNow ────► approved again; wait, or stop
                  ▼        ▼                   └─► Ambiguous ─► unknown ─► reconcile
                stop   full: follow what runs, and wait · budget spent: leave it approved

A process that dies anywhere here leaves at most one request `submitting`, which becomes unknown.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import (
    UNPRICED,
    BudgetNotConfigured,
    BudgetSpent,
    ConcurrencyLimitReached,
    LimitExceeded,
    Limits,
    RateLimitExceeded,
)
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.ledger.requests import WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.paid import NotNow
from genai_orchestration.providers.recipient import Configured
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.work import Submitter
from genai_orchestration.submission import circuit_breaker, reconcile
from genai_orchestration.submission.account_question import AccountQuestion
from genai_orchestration.submission.limits import limits_of
from genai_orchestration.submission.post import AccountRefused, Sender, SubmissionResult
from genai_orchestration.submission.send_guards import kept_back
from genai_orchestration.watching import watch

PLACE_TIMEOUT = timedelta(
    minutes=15
)  # without any job ending, until waiting for a place is given up
PLACE_SECONDS = 2.0  # between two tries for a place in flight
RATE_SECONDS = 0.1  # between two tries for a place under the ceiling of POSTs
MOMENTS = timedelta(seconds=10)  # of them; what keeps a place for longer has probably crashed
SLEPT = 30.0  # seconds that a provider's wait is slept here; a longer one ends the pass
POSTPONED = 3  # times that one request is put off in a pass
LIMITS_LAST = timedelta(minutes=1)  # settings and balance are read again after that

logger = logging.getLogger(__name__)


class _Stop(Exception):
    """The rest of the line stays approved; the text says why."""


@dataclass(kw_only=True)
class SubmissionRun:
    """One provider's approved requests, and what it takes to submit them."""

    ledger: Ledger
    provider: Provider
    submitter: Submitter
    patience: timedelta = PLACE_TIMEOUT
    clock: Callable[[], datetime] | None = None  # the ledger's
    sleep: Callable[[float], None] = time.sleep
    result: SubmissionResult = field(default_factory=SubmissionResult)
    _limits: tuple[datetime, Limits] | None = None
    _question: AccountQuestion = field(init=False, repr=False)
    _sender: Sender = field(init=False, repr=False)

    def now(self) -> datetime:
        """The time by which this line starts, waits and gives up: the ledger's, unless another."""
        return (self.clock or self.ledger.now)()

    def submit(self, operation: str | None = None, campaign: str | None = None) -> SubmissionResult:
        """Submit what is approved of the provider; safe to run again, and beside others."""
        self.result, self._limits = SubmissionResult(), None
        self._question = AccountQuestion(self.ledger, Configured(self.submitter), self.sleep)
        self._sender = Sender(
            ledger=self.ledger,
            title=self.provider.title,
            submitter=self.submitter,
            now=self.now,
            sleep=self.sleep,
            result=self.result,
        )
        self._reconcile()
        try:
            self._submit_all(operation, campaign)
        except _Stop as stop:
            self.result.stopped = str(stop)
            rest = len(self._approved(operation, campaign)) - sum(self.result.reasons.values())
            self.result.add_reason(stop, max(rest, 1))
        self.result.waiting = len(self._approved(operation, campaign))
        return self.result

    def _submit_all(self, operation: str | None, campaign: str | None) -> None:
        too_dear: dict[str | None, tuple[int, str]] = {}  # by campaign: the lowest price refused
        for record in self._approved(operation, campaign):
            if kept := kept_back(self.provider, self.submitter.base_url, record):
                self.result.add_reason(kept)
                continue
            price = UNPRICED if record.price_estimate is None else record.price_estimate
            lowest, why = too_dear.get(record.campaign, (price + 1, ""))
            if price >= lowest:
                self.result.add_reason(why)
                continue
            try:
                self._submit(record)
            except (BudgetSpent, BudgetNotConfigured) as refused:
                self.result.add_reason(refused)
                too_dear[record.campaign] = price, str(refused)
                if isinstance(refused, BudgetNotConfigured):
                    self.result.uncapped = str(refused)

    def _approved(
        self, operation: str | None = None, campaign: str | None = None
    ) -> list[RequestRecord]:
        name, states = self.provider.name, [RequestState.APPROVED]
        return self.ledger.requests(
            provider=name, operation=operation, campaign=campaign, states=states
        )

    def _submit(self, record: RequestRecord) -> None:
        """One request, once; put off a few times while the provider is busy."""
        for attempt in range(POSTPONED):
            try:
                if started := self._start(record):  # else another process has it
                    self._sender.send(started)
                return
            except AccountRefused as no:
                raise _Stop(str(no)) from None
            except NotNow as later:
                wait = max(later.wait or 0.0, 2.0**attempt)  # Retry-After may be rounded down to 0
                if wait > SLEPT or attempt == POSTPONED - 1:
                    raise _Stop(str(later)) from None
                self.sleep(wait)

    def _start(self, record: RequestRecord) -> RequestRecord | None:
        """Reserve what the request needs, waiting for a place; None when it is not approved."""
        waited_since = self.now()
        while True:
            now = self.now()
            limits = self._current_limits(now)
            try:
                if limits.capped(record.campaign):  # else it does not start, and nobody is asked
                    account = self._question.answer(record, limits, now)
                    limits, now = replace(limits, account=account), self.now()
                return self.ledger.start(record.request_key, limits, now)
            except WrongState:
                return None
            except ProviderError as error:  # nobody says whose key it is: nothing has been sent
                raise _Stop(str(error)) from None
            except (RateLimitExceeded, ConcurrencyLimitReached) as full:
                if self._wait(full, now - waited_since):
                    waited_since = self.now()

    def _wait(self, full: LimitExceeded, waited: timedelta) -> bool:
        """Wait for a place; whether jobs have ended meanwhile, so that patience starts again."""
        if isinstance(full, RateLimitExceeded) and waited < MOMENTS:
            self.sleep(RATE_SECONDS)
            return False
        self._reconcile()  # what a crash has left behind takes a place, too
        if self._follow():
            return True
        if waited >= self.patience:
            raise _Stop(str(full))
        self.sleep(PLACE_SECONDS)
        return False

    def _reconcile(self) -> None:
        reconcile.reconcile_all(self.ledger, self.provider, self.submitter, self.now, self.sleep)

    def _follow(self) -> bool:
        """Look whether jobs that take a place have ended."""
        found = [
            watch.follow(self.ledger, self.provider, kind, SENSOR_POLICY, self.now, seconds=SLEPT)
            for kind in self.provider.job_kinds
        ]
        return any(each.ended for each in found)

    def _current_limits(self, now: datetime) -> Limits:
        """Settings and balance, read a moment ago at most; _Stop when the line has to rest."""
        old = self._limits is not None and now - self._limits[0] > LIMITS_LAST
        if old and self.provider.posts_per_second is None:  # a ceiling is not for reads, too
            self._follow()  # jobs that fail all show that the provider is down
        newest = self.ledger.outcomes(self.provider.name, circuit_breaker.OUTCOMES_READ, now)
        why = circuit_breaker.stopped(self.provider.title, newest, now)
        if why:
            raise _Stop(why)
        if self._limits is None or old:
            # all of them: what is approved in the next minute has a cap as well
            campaigns = self.ledger.campaigns(self.provider.name)
            self._limits = (now, limits_of(self.provider, self.submitter, campaigns, now))
        return replace(self._limits[1], half_open_since=circuit_breaker.half_open_since(newest))
