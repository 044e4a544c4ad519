"""What became of requests whose answer was lost, where the provider can be asked.

unknown ─► look up, several times ─┬─ there ─────────────────────────► submitted
                                   ├─ its key is taken by another ───► rejected
                                   ├─ not there, sent minutes ago ───► approved: never arrived
                                   ├─ not there, sent just now ──────► unknown, looked up later
                                   └─ cannot be asked ───────────────► unknown, until a person
                                                                       resolves it
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.jobs.ledger_requests import LONGEST_POST, JobTaken, WrongState
from genai_orchestration.jobs.ledger_tables import RequestRecord
from genai_orchestration.jobs.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.paid import Rejected
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.work import Submitter
from genai_orchestration.times import AHEAD

LOOKS = (0.0, 0.5, 2.0, 5.0)  # seconds before each: a record may appear after its POST was cut off
SETTLED = timedelta(minutes=2)  # after a POST ended that long ago nothing appears any more

logger = logging.getLogger(__name__)


def reconcile(
    ledger: Ledger,
    submitter: Submitter,
    unknown: Sequence[RequestRecord],
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    """Look up unknown requests, all of them in each look, and write down what is known then."""
    missing = list(unknown)
    for pause in LOOKS:
        if not missing:
            return
        sleep(pause)
        try:
            missing = [
                record for record in missing if _is_missing(ledger, submitter, record, clock)
            ]
        except ProviderError as error:
            logger.warning("What became of lost requests cannot be looked up: %s", error)
            return  # the next pass asks again
    for record in missing:
        if _settled(record, clock()):
            _take(lambda key, sent: ledger.released(key, started=sent), record)


def reconcile_all(
    ledger: Ledger,
    provider: Provider,
    submitter: Submitter,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    """Give up on answers that no POST can still bring, and look up all that is unknown."""
    ledger.orphaned(clock())
    unknown = ledger.requests(provider=provider.name, states=[RequestState.UNKNOWN])
    reconcile(ledger, submitter, unknown, clock, sleep)


def _is_missing(
    ledger: Ledger, submitter: Submitter, record: RequestRecord, clock: Callable[[], datetime]
) -> bool:
    """Whether the provider, which can be asked, does not have it; what it has is written down."""
    try:
        found = submitter.find(record.request_key, record.payload)
    except Rejected as no:  # of this request alone: the others are looked up
        words, failure = str(no), no.failure
        _take(lambda key, sent: ledger.rejected(key, failure, words, clock()), record)
        return False
    if found:  # of two, the oldest: the other is a twin that somebody else has sent
        _take(lambda key, sent: ledger.submitted(key, found[0], None, clock()), record)
    return found is not None and not found


def _take(step: Callable[[str, datetime | None], None], record: RequestRecord) -> None:
    """Take a step, unless somebody else was quicker: then it is not ours to take any more."""
    try:
        step(record.request_key, record.submitting_at)
    except (WrongState, JobTaken) as error:
        logger.warning("%s", error)


def _settled(record: RequestRecord, now: datetime) -> bool:
    """Whether nothing can appear any more: its POST ended when that was decided, or by itself."""
    if record.submitting_at is None or record.decided_at is None:
        return False
    if record.submitting_at > record.decided_at + AHEAD:  # of a wrong clock: it may still run
        return now - record.decided_at > LONGEST_POST + SETTLED
    ended = min(record.decided_at, record.submitting_at + LONGEST_POST - SETTLED)
    return now - ended > SETTLED
