"""Writing down what became of a POST: tried for long, for nothing else remembers it.

write ─► done
  ├ the ledger is busy or broken ─► a growing wait, again; at last an error that tells it all
  └ Ctrl-C ───────────────────────► once more, and then it is obeyed
"""

import logging
from collections.abc import Callable

from genai_orchestration.jobs.ledger_database import LedgerBusy, LedgerUnusable
from genai_orchestration.jobs.ledger_requests import LONGEST_POST, JobTaken, WrongState

ATTEMPTS = 5
MINUTES = LONGEST_POST.seconds // 60

logger = logging.getLogger(__name__)


def write_down(
    told: str, write: Callable[[], None], sleep: Callable[[float], None], *, resolve: str
) -> None:
    """Write what a provider has `told`; an error says that, and how to `resolve` it by hand."""
    for attempt in range(ATTEMPTS):
        try:
            _write(told, write)
            return
        except (LedgerBusy, LedgerUnusable) as error:
            logger.error("%s, and the ledger cannot be written: %s", told, error)
            if attempt == ATTEMPTS - 1:
                raise LedgerUnusable(
                    f"{error} {told}: once the ledger works, and {MINUTES} minutes have made the "
                    f"request unknown, run genai requests resolve {resolve}."
                ) from None
            sleep(2.0**attempt)


def _write(told: str, write: Callable[[], None]) -> None:
    try:
        write()
    except (LedgerBusy, LedgerUnusable):
        raise
    except (WrongState, JobTaken) as error:
        raise WrongState(f"{told}, which was not written down. {error}") from None
    except BaseException:
        logger.error("%s, and this process was interrupted.", told)
        write()
        raise
