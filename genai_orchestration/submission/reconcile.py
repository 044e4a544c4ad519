"""What became of requests whose answer was lost, where the provider can be asked.

unknown ─► look up, several times ─┬─ there ─────────────────────────► submitted
                                   ├─ its key is taken by another ───► rejected
                                   ├─ not there, sent minutes ago ───► approved: never arrived
                                   ├─ not there, sent just now ──────► unknown, looked up later
                                   └─ cannot be asked, or another ───► unknown, until a person
                                      account is                       resolves it

"Minutes ago" is by one clock, that of this computer or of the ledger's server: see
`ledger_sightings`. What is not there proves nothing where the request was sent to another server
or account than the one that is configured now.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.ledger.requests import JobTaken, WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.paid import Rejected
from genai_orchestration.providers.recipient import Configured, Recipient
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.work import Submitter

LOOKS = (0.0, 0.5, 2.0, 5.0)  # seconds before each: a record may appear after its POST was cut off

logger = logging.getLogger(__name__)


def reconcile(
    ledger: Ledger,
    submitter: Submitter,
    unknown: Sequence[RequestRecord],
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    """Look up unknown requests, all of them in each pass, and record what is known then.

    One that was sent to another server or account stays unknown: the log has a sentence about it.
    """
    configured = Configured(submitter)
    missing = [each for each in unknown if _passes(configured.check_server, each)]
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
        final = ledger.record_sighting(record, clock()).is_final(clock())
        # what an earlier version has sent may have gone anywhere: a person decides
        if final and record.recipient and _passes(configured.check, record):
            _take(lambda key, sent: ledger.release(key, started=sent), record)


def _passes(check: Callable[[str, Recipient | None], None], record: RequestRecord) -> bool:
    """Whether the configured server, or account, is the one that the request was sent to."""
    try:
        check(f"The request {record.request_key}", record.recipient)
    except ProviderError as error:
        logger.warning("%s", error)
        return False
    return True


def reconcile_all(
    ledger: Ledger,
    provider: Provider,
    submitter: Submitter,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    """Give up on answers that no POST can still bring, and look up all that is unknown."""
    ledger.mark_orphans_unknown(clock())
    unknown = ledger.requests(provider=provider.name, states=[RequestState.UNKNOWN])
    reconcile(ledger, submitter, unknown, clock, sleep)


def _is_missing(
    ledger: Ledger, submitter: Submitter, record: RequestRecord, clock: Callable[[], datetime]
) -> bool:
    """Whether the provider, which can be asked, does not have it; what it has is written down."""
    try:
        found = submitter.find(record.request_key, record.payload)
    except Rejected as no:  # of this request alone: the others are looked up
        message, failure = str(no), no.failure
        _take(lambda key, sent: ledger.mark_rejected(key, failure, message, clock()), record)
        return False
    if found:  # of two, the oldest: the other is a twin that somebody else has sent
        _take(lambda key, sent: ledger.mark_submitted(key, found[0], None, clock()), record)
    return found is not None and not found


def _take(step: Callable[[str, datetime | None], None], record: RequestRecord) -> None:
    """Take a step, unless somebody else was quicker: then it is not ours to take any more."""
    try:
        step(record.request_key, record.submitting_at)
    except (WrongState, JobTaken) as error:
        logger.warning("%s", error)
