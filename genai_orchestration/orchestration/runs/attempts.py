"""How a step ends that cannot go on: in a sentence, after further attempts, or interrupted.

    error ─┬─ an interrupt is behind it ──► the run ends: Terminate, max_runtime, Ctrl-C
           ├─ foreseen, known to pass ────► pause ─► RetryRequested, until the last attempt
           ├─ foreseen, or the last ──────► Failure, with the sentence
           └─ a bug ──────────────────────► as it is, with its traceback

No step has a RetryPolicy: Dagster would make a further attempt of an interrupt, too, and a run that
a person has terminated would go on.
"""

import contextlib
import time
from collections.abc import Iterator

import dagster as dg

from genai_orchestration.errors import UserError
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.warehouse.destination_errors import WarehouseUnreachable, translate_error
from genai_orchestration.warehouse.locks import WarehouseLocked

# Before the second attempt, and the third: an outage of seconds is ridden out by the client, one of
# a minute here, a longer one by schedules. It is slept inside the step: Dagster's own wait between
# two attempts cannot be interrupted.
PAUSES_SECONDS = (10.0, 30.0)
LONGEST_SECONDS = 30.0  # a provider that asks for a longer rest is left to the schedules

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


class Incomplete(UserError):
    """Fewer finished jobs were loaded than the API had counted: a sensor must not settle that."""

    def __init__(self, check: dg.AssetCheckResult) -> None:
        super().__init__(f"{check.description} It is asked for again.")
        self.check = check


PASSING = (Unavailable, Incomplete, WarehouseUnreachable, WarehouseLocked)


@contextlib.contextmanager
def translate_errors(context: Context) -> Iterator[None]:
    """An error that was foreseen ends the attempt in a sentence, and an interrupt ends the run.

    Raises RetryRequested, when another attempt may succeed, or Failure; KeyboardInterrupt for what
    a library has made of an interrupt. Other errors stay as they are.
    """
    try:
        yield
    except Exception as error:
        if _is_interrupted(error):
            raise KeyboardInterrupt from error
        known = translate_error(error)
        if known is None:
            raise
        failure = dg.Failure(str(known))
        pauses = PAUSES_SECONDS[context.retry_number :] if _passes(known) else ()
        if not pauses:
            raise failure from None
        context.log.warning(f"{known} The next attempt begins in {pauses[0]:g} seconds.")
        time.sleep(pauses[0])
        raise dg.RetryRequested(max_retries=len(PAUSES_SECONDS)) from failure


def _passes(error: UserError) -> bool:
    """Whether another attempt within the minute may succeed."""
    wait = error.retry_after if isinstance(error, Unavailable) else None
    return isinstance(error, PASSING) and (wait or 0) <= LONGEST_SECONDS


def _is_interrupted(error: BaseException) -> bool:
    """Whether an interrupt is among what the error was raised from, or in the middle of."""
    seen: list[BaseException] = []
    behind: list[BaseException | None] = [error]
    while behind:
        cause = behind.pop()
        if isinstance(cause, (KeyboardInterrupt, dg.DagsterExecutionInterruptedError)):
            return True
        if cause is not None and cause not in seen:
            seen.append(cause)
            behind += [cause.__cause__, cause.__context__]
    return False
