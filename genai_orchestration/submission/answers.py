"""Writing down what became of a POST: tried for long, for nothing else remembers it.

write ─► done
  ├ the ledger is busy or broken, ─► a growing wait, again; at last an error that tells it all
  │ in whatever way
  └ Ctrl-C ───────────────────────► once more, and then it is obeyed
"""

import logging
from collections.abc import Callable

from genai_orchestration.errors import UserError
from genai_orchestration.ledger.requests import LONGEST_POST, JobTaken, WrongState
from genai_orchestration.ledger.url import LedgerUnusable

ATTEMPTS = 5
LONGEST_ID = 200  # characters
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
        except WrongState:
            raise
        except Exception as error:
            words = _words(error)
            logger.error("%s, and the ledger cannot be written: %s", told, words)
            if attempt == ATTEMPTS - 1:
                raise LedgerUnusable(
                    f"{words} {told}: once the ledger works, and {MINUTES} minutes have made the "
                    f"request unknown, run genai requests resolve {resolve}."
                ) from None
            sleep(2.0**attempt)


def odd_id(job_id: str) -> str | None:
    """An id that no provider gives, as its escaped beginning; None for one that can be one."""
    if job_id and job_id.isprintable() and len(job_id) <= LONGEST_ID:
        return None
    return ascii(job_id[:LONGEST_ID])


def _words(error: Exception) -> str:
    """What the ledger failed of; not an unforeseen error's own words, which may quote anything."""
    if isinstance(error, UserError):
        return str(error)
    return "The ledger failed, for a reason that nobody foresaw."


def _write(told: str, write: Callable[[], None]) -> None:
    try:
        write()
    except (WrongState, JobTaken) as error:
        raise WrongState(f"{told}, which was not written down. {error}") from None
    except Exception:
        raise  # it is tried again
    except BaseException:
        logger.error("%s, and this process was interrupted.", told)
        write()
        raise
