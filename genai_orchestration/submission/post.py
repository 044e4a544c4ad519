"""One POST of an approved request, and what the ledger keeps of its answer.

    POST ─┬─► Accepted ──► submitted
          ├─► Rejected ──► rejected; of the account: AccountRefused
          ├─► NotNow ────► approved again; raised
          └─► Ambiguous ─► unknown ─► reconcile

An answer is written for long: nothing else remembers it.

    write ─► done
      ├ the ledger is busy or broken, ─► a growing wait, again; at last an error with all of it
      │ in whatever way
      └ Ctrl-C ───────────────────────► once more, and then it is obeyed
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from genai_orchestration.errors import UserError
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.ledger.requests import LONGEST_POST, JobTaken, WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.url import LedgerUnusable
from genai_orchestration.providers.paid import Ambiguous, NotNow, Rejected
from genai_orchestration.providers.work import Accepted, Submitter
from genai_orchestration.submission import reconcile

WRITE_ATTEMPTS = 5
LONGEST_ID_CHARACTERS = 200
STALE = timedelta(minutes=1)  # after its start a POST does not leave: others may have given it up

logger = logging.getLogger(__name__)


class AccountRefused(Exception):
    """The provider refused the account, not the request: no other request would do better."""


@dataclass
class SubmissionResult:
    """What one pass over the approved requests did."""

    submitted: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    waiting: int = 0  # still approved
    reasons: dict[str, int] = field(default_factory=dict)  # why not, and for how many
    stopped: str | None = None  # why the line ended before its end
    uncapped: str | None = None  # that no cap allows anything

    @property
    def sent(self) -> int:
        """How many requests left, whatever came of them."""
        return len(self.submitted) + len(self.rejected) + len(self.unknown)

    def add_reason(self, reason: object, count: int = 1) -> None:
        """Note why some requests stay approved."""
        self.reasons[str(reason)] = self.reasons.get(str(reason), 0) + count


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Sends one request at a time, and records in ledger and result what came of it."""

    ledger: Ledger
    title: str  # the provider's
    submitter: Submitter
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    result: SubmissionResult

    def send(self, record: RequestRecord) -> None:
        """Send a request that has started, and record its outcome.

        Raises `NotNow` with the request approved again, `AccountRefused` with it rejected.
        """
        key = record.request_key
        try:
            _check_not_stale(record, self.now())  # nothing may come between this and the POST
            accepted = self.submitter.submit(record.operation, record.payload, key)
        except Rejected as no:
            self._rejected(record, no)
        except NotNow as later:
            self._released(record, later)
            raise
        except Ambiguous as unclear:
            self._unclear(record, str(unclear))
        except BaseException:
            with contextlib.suppress(Exception):
                message, started = "the submission was interrupted", record.submitting_at
                self.ledger.mark_unknown(key, message, self.now(), started=started)
            raise
        else:
            self._accepted(record, accepted)

    def _rejected(self, record: RequestRecord, no: Rejected) -> None:
        key, started = record.request_key, record.submitting_at
        self._write(
            f"refused the request {key} ({no})",
            lambda: self.ledger.mark_rejected(
                key, no.failure, str(no), self.now(), started=started
            ),
            f"{key} as one that never arrived",
        )
        self.result.rejected.append(key)
        if no.failure.of_the_account:
            raise AccountRefused(str(no))

    def _released(self, record: RequestRecord, later: NotNow) -> None:
        key = record.request_key
        with contextlib.suppress(WrongState):  # somebody else has decided on it since
            self._write(
                f"made nothing of the request {key} ({later})",
                lambda: self.ledger.release(key, started=record.submitting_at),
                f"{key} as one that never arrived",
            )

    def _accepted(self, record: RequestRecord, accepted: Accepted) -> None:
        key, job_id = record.request_key, accepted.job_id
        charged, answer = accepted.charged, accepted.answer
        if odd := _odd_id(job_id):
            self._unclear(record, f"the answer names its job by what is no id: {odd}")
            return
        outcome = f"has made the job {job_id} of the request {key}"
        logger.info("%s %s.", self.title, outcome)
        self._write(
            outcome,
            lambda: self.ledger.mark_submitted(key, job_id, charged, self.now(), answer=answer),
            f"{key} --job {job_id}",
        )
        self.result.submitted.append(key)

    def _write(self, outcome: str, write: Callable[[], None], resolve: str) -> None:
        _write_down(f"{self.title} {outcome}", write, self.sleep, resolve=resolve)

    def _unclear(self, record: RequestRecord, message: str) -> None:
        """An answer was lost: look the request up where that can be done."""
        key = record.request_key
        with contextlib.suppress(WrongState):  # somebody else has decided on it since
            self.ledger.mark_unknown(key, message, self.now(), started=record.submitting_at)
        lost = [self.ledger.request(key)]
        reconcile.reconcile(self.ledger, self.submitter, lost, self.now, self.sleep)
        found = self.ledger.request(key).state is RequestState.SUBMITTED
        (self.result.submitted if found else self.result.unknown).append(key)


def _check_not_stale(record: RequestRecord, now: datetime) -> None:
    """NotNow when this process was stopped since the start: another may have its request now."""
    if record.submitting_at is not None and abs(now - record.submitting_at) > STALE:
        raise NotNow(
            f"The request {record.request_key} was not sent: this process was stopped for too long "
            "before it could be. Run it again.",
            wait=0.0,
        )


def _write_down(
    outcome: str, write: Callable[[], None], sleep: Callable[[float], None], *, resolve: str
) -> None:
    """Write the `outcome` of a POST; an error says that, and how to `resolve` it by hand."""
    for attempt in range(WRITE_ATTEMPTS):
        try:
            _write(outcome, write)
            return
        except WrongState:
            raise
        except Exception as error:
            message = _words(error)
            logger.error("%s, and the ledger cannot be written: %s", outcome, message)
            if attempt == WRITE_ATTEMPTS - 1:
                minutes = LONGEST_POST.seconds // 60
                raise LedgerUnusable(
                    f"{message} {outcome}: once the ledger works, and {minutes} minutes have made "
                    f"the request unknown, run genai requests resolve {resolve}."
                ) from None
            sleep(2.0**attempt)


def _odd_id(job_id: str) -> str | None:
    """An id that no provider gives, as its escaped beginning; None for one that can be one."""
    if job_id and job_id.isprintable() and len(job_id) <= LONGEST_ID_CHARACTERS:
        return None
    return ascii(job_id[:LONGEST_ID_CHARACTERS])


def _words(error: Exception) -> str:
    """What the ledger failed of; not an unforeseen error's own words, which may quote anything."""
    if isinstance(error, UserError):
        return str(error)
    return "The ledger failed, for a reason that nobody foresaw."


def _write(outcome: str, write: Callable[[], None]) -> None:
    try:
        write()
    except (WrongState, JobTaken) as error:
        raise WrongState(f"{outcome}, which was not written down. {error}") from None
    except Exception:
        raise  # it is tried again
    except BaseException:
        logger.error("%s, and this process was interrupted.", outcome)
        write()
        raise
