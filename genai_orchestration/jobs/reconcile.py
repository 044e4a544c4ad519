"""What became of a request whose answer was lost, where the provider can be asked.

unknown ─► look up, several times ─┬─ there ─────────────────────────► submitted
                                   ├─ not there, sent minutes ago ───► approved: never arrived
                                   ├─ not there, sent just now ──────► unknown, looked up later
                                   └─ cannot be asked ───────────────► unknown, until a person
                                                                       resolves it
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.jobs.ledger_tables import RequestRecord
from genai_orchestration.jobs.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.work import Submitter

LOOKS = (0.5, 2.0, 5.0)  # seconds before each: a record may appear after its POST was cut off
SETTLED = timedelta(minutes=2)  # after a POST that long ago nothing appears any more


def reconcile(
    ledger: Ledger,
    submitter: Submitter,
    record: RequestRecord,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    """Look up one unknown request, and write down what is known then."""
    for pause in LOOKS:
        sleep(pause)
        try:
            found = submitter.find(record.request_key)
        except ProviderError:
            return  # the next pass asks again
        if found is None:
            return
        if found:  # of two, the oldest: the other is a twin that somebody else has sent
            ledger.submitted(record.request_key, found[0], None, clock())
            return
    if record.submitting_at and clock() - record.submitting_at > SETTLED:
        ledger.released(record.request_key)


def reconcile_all(
    ledger: Ledger,
    provider: Provider,
    submitter: Submitter,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    """Give up on answers that no POST can still bring, and look up all that is unknown."""
    ledger.orphaned(clock())
    for record in ledger.requests(provider=provider.name, states=[RequestState.UNKNOWN]):
        reconcile(ledger, submitter, record, clock, sleep)
