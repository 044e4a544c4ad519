"""The sensor of new requests: it plans what lies in a watched folder or table.

    place ─► Inbox.read ─► planned in the ledger         free; a person approves
    per operation: approved ─► obstacle? ─► a sentence
                                   └none─► decide ─► a run that submits, or a sentence

Outside the sandbox it approves nothing, and submits only what a person has approved, and only if a
person has set `submit = true`.
"""

import dataclasses
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg

from genai_orchestration.errors import UserError, counted
from genai_orchestration.inbox.cursor import InboxCursor
from genai_orchestration.inbox.inbox import Found, Inbox
from genai_orchestration.inbox.settings import NOWHERE, InboxSettings
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.assets.requests import SUBMITTING, op_name
from genai_orchestration.orchestration.runs.outcomes import (
    NotLoaded,
    first_round,
    outcome_of,
    skipping,
)
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.work import Operation
from genai_orchestration.requests.loaded_rows import known_rows
from genai_orchestration.requests.plan import Known
from genai_orchestration.requests.request import NewRequest, operations_of
from genai_orchestration.settings import Settings
from genai_orchestration.submission import sent_before
from genai_orchestration.submission.release import (
    SANDBOX_APPROVER,
    QueueStatus,
    RequestedRun,
    decide,
)
from genai_orchestration.submission.send_guards import in_sandbox, obstacle
from genai_orchestration.warehouse.destination_errors import translate_error
from genai_orchestration.watching.day_watch import RunOutcome

SENSOR = SANDBOX_APPROVER  # also who has planned a request, in the ledger
INTERVAL_SECONDS = 30  # between two evaluations
BUDGET_SECONDS = 20.0  # of reading in one evaluation; Dagster ends it after 60
MISSING = RunOutcome("missing")

logger = logging.getLogger(__name__)


def request_sensor(providers: Sequence[Provider], jobs: Sequence[Any]) -> dg.SensorDefinition:
    """The sensor for all providers; `jobs` are their `<provider>_requests`."""

    @dg.sensor(
        name=SENSOR,
        jobs=jobs,
        minimum_interval_seconds=INTERVAL_SECONDS,
        # planning is free, and what follows needs a person outside the sandbox
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Plans the paid requests that lie in the folder, or the database's table, of "
            "[requests] in dlt's configuration. A person approves them; submit = true submits "
            "what is approved. In the sandbox both happen by themselves."
        ),
    )
    @skipping
    def take_in(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        inbox = InboxSettings.load()
        if not (inbox.anywhere or inbox.submit):
            return dg.SkipReason(NOWHERE)
        settings = Settings.load()
        with Ledger.open(settings, who=SENSOR) as ledger:
            cursor = InboxCursor.loads(context.cursor, first_round(context))
            evaluation = _Evaluation(
                context.instance, settings, inbox, ledger, providers, ledger.now()
            )
            return evaluation.result(cursor)

    return take_in


@dataclass
class _Evaluation:
    """One evaluation: the runs to ask for, and sentences for the list of ticks."""

    instance: dg.DagsterInstance
    settings: Settings
    inbox: InboxSettings
    ledger: Ledger
    providers: Sequence[Provider]
    now: datetime
    clock: Callable[[], float] = time.monotonic
    runs: list[dg.RunRequest] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def result(self, before: InboxCursor) -> dg.SensorResult:
        """What the tick comes to; NotLoaded when something fails again and again."""
        cursor = self._take_in(before)
        for provider in self.providers:
            if provider.operations:
                cursor = self._provider(cursor, provider)
        if self.failures and not self.runs and cursor == before:  # a red tick keeps no cursor
            raise NotLoaded(" ".join(self.failures))
        return dg.SensorResult(
            run_requests=self.runs or None,
            skip_reason=None if self.runs else dg.SkipReason(" ".join(self.reasons)),
            cursor=cursor.dumps(),
        )

    def _take_in(self, cursor: InboxCursor) -> InboxCursor:
        """Plan what is new in the inbox."""
        if not self.inbox.anywhere:
            return cursor
        inbox = Inbox(
            settings=self.inbox,
            ledger=self.ledger,
            operations=operations_of(self.providers),
            now=self.now,
            known=self._known,
        )
        end = self.clock() + BUDGET_SECONDS
        try:
            found = inbox.read(cursor.memory, lambda: self.clock() > end)
        except UserError as error:
            self.reasons.append(str(error))
            return cursor
        except Exception:  # what is approved does not wait for it
            logger.exception("The inbox cannot be read.")
            self.reasons.append(
                "The inbox cannot be read: the daemon's log says why; correct what [requests] "
                "names."
            )
            return cursor
        self.reasons += filter(None, (_state_of(found), found.memory.trouble))
        return dataclasses.replace(cursor, memory=found.memory)

    def _known(self, requests: Iterable[NewRequest]) -> Known:
        """What the warehouse has of the designs; nothing while it cannot be read.

        `genai requests approve` checks again.
        """
        try:
            return known_rows(requests, operations_of(self.providers), self.settings)
        except Exception as error:
            if translate_error(error, self.settings) is None:
                raise
            return {}

    def _provider(self, cursor: InboxCursor, provider: Provider) -> InboxCursor:
        """Approve what is the sandbox's, and have submitted what may be."""
        if _in_sandbox(provider):
            planned = self.ledger.requests(provider=provider.name, states=[RequestState.PLANNED])
            self._approve([each for each in planned if each.planned_by == SENSOR])
        groups = self.ledger.waiting(provider.name)
        for operation in provider.operations:
            queue = QueueStatus.of(groups, operation.name, SENSOR)
            cursor = self._operation(cursor, provider, operation, queue)
        return cursor

    def _approve(self, planned: Sequence[RequestRecord]) -> None:
        """Approve what this sensor has planned, but nothing that an earlier ledger has sent."""
        try:
            sent = sent_before.sent_before(planned, self.settings)
        except Exception as error:
            known = translate_error(error, self.settings)
            if known is None:
                raise
            self.reasons.append(f"Nothing is approved before the warehouse can be asked: {known}")
            return
        if sent:
            self.reasons.append(f"Not approved: {sent_before.sentence(sent)}")
        new = [each.request_key for each in planned if each.request_key not in sent]
        self.ledger.approve(new, self.now)

    def _operation(
        self, cursor: InboxCursor, provider: Provider, operation: Operation, queue: QueueStatus
    ) -> InboxCursor:
        what = f"{provider.name}/{operation.name}"
        approved = f"{what}: {counted(queue.approved, 'request')} approved"
        asked = cursor.asked.get(what)
        outcome = self._outcome(asked, what)
        if queue.planned:
            self.reasons.append(
                f"{what}: {counted(queue.planned, 'request')} to be approved: "
                "run genai requests plan, then genai requests approve."
            )
        if queue.approved and outcome.state != "active":
            try:
                submit = self.inbox.submit
                why = obstacle(self.ledger, provider, queue, self.now, submit=submit)
            except UserError as error:  # another provider's settings may be right
                why = str(error).rstrip(".")
            if why:
                self.reasons.append(f"{approved}: {why}.")
                return cursor
        decision = decide(asked, outcome, queue, cursor.seq + 1, self.now)
        if decision.reason:
            sentence = f"{approved} and {decision.reason}."
            self.reasons.append(sentence)
            self.failures += [sentence] if decision.failed else []
        if decision.run and decision.asked:
            self.runs.append(_run_request(provider, operation, decision.asked.key(what)))
        return _with(cursor, what, decision.asked)

    def _outcome(self, asked: RequestedRun | None, what: str) -> RunOutcome:
        return outcome_of(self.instance, SENSOR, asked.key(what)) if asked else MISSING


def _in_sandbox(provider: Provider) -> bool:
    """Whether it is the sandbox's; a URL that cannot be read is an error where it is needed."""
    try:
        return in_sandbox(provider)
    except ProviderError:
        return False


def _with(cursor: InboxCursor, what: str, asked: RequestedRun | None) -> InboxCursor:
    others = {name: each for name, each in cursor.asked.items() if name != what}
    kept = {what: asked} if asked else {}
    seq = max(cursor.seq, asked.seq if asked else 0)
    return dataclasses.replace(cursor, asked={**others, **kept}, seq=seq)


def _run_request(provider: Provider, operation: Operation, key: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=key,
        job_name=f"{provider.name}_requests",
        asset_selection=[asset_key(provider, operation.name)],
        run_config={"ops": {op_name(provider, operation): SUBMITTING}},
    )


def _state_of(found: Found) -> str:
    if not (found.planned or found.known):
        return f"{found.state}."
    planned = counted(found.planned, "request")
    return f"{planned} planned, {found.known} known already: {found.state}."
