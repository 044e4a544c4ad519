"""Paid work at a provider, as values: what can be asked for, how it is sent, how it is followed.

Operation   a paid POST, as far as it is known before it is sent
Lookup      a row of the warehouse with more about it: the design of a banner
Submitter   sends it, once; says of a request whether it is there; reads the balance
JobKind     what a POST makes, and how one job of it is asked after
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from genai_orchestration.providers.http import RetryPolicy
from genai_orchestration.providers.recipient import Api
from genai_orchestration.providers.states import Failure, JobState

Payload = Mapping[str, Any]
Row = Mapping[str, Any]

UNLIMITED = sys.maxsize  # credits of a plan without a limit


@dataclass(frozen=True, kw_only=True)
class WarehouseLookup:
    """A row of the warehouse that a payload names by its id, and what the row says about it."""

    table: str  # of the provider; its key is `id`
    columns: tuple[str, ...]  # that are read besides; JSON ones arrive parsed
    noun: str  # what a row is called in a sentence: "design"
    gain: str  # what it is good for, after "to have their": "layers checked"
    # the id that a payload names, of safe characters; None where it names none that can be one
    id_of: Callable[[Payload], str | None]
    # mistakes that show beside the row only, as sentences
    mistakes: Callable[[Payload, Row], list[str]]
    # credits that the payload will cost, as `Operation.estimate`, with the row at hand
    estimate: Callable[[Payload, Row], int | None]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A paid POST of a provider, as far as it can be known before it is sent."""

    name: str  # the seed's name of it: "ai_image_generator"
    job_kind: str  # what it makes at the provider: "image_project"
    # mistakes in a payload that the vendor would refuse, or worse, silently ignore; as sentences
    mistakes: Callable[[Payload], list[str]]
    # credits that a payload will cost, by the dated price list; None where nobody publishes it
    estimate: Callable[[Payload], int | None]
    # what the estimate is grouped by in a plan: the model, the design
    model: Callable[[Payload], str]
    # dotted path in the payload that `--prompt` and a sheet's prompt column fill; "" for none
    prompt: str
    known: WarehouseLookup | None = None  # what the warehouse may know of a payload

    def price(self, payload: Payload, row: Row | None) -> int | None:
        """The estimate, better where the row that the payload names is known."""
        if row is None or self.known is None:
            return self.estimate(payload)
        return self.known.estimate(payload, row)


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A provider's yes to a paid POST."""

    job_id: str
    charged: int | None  # credits; None where the provider does not say
    answer: Mapping[str, Any]  # as it came


def id_in(value: object) -> str | None:
    """A job's id as an answer has it, a number as text; None where it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def credits_in(value: object) -> int | None:
    """Credits as an answer has them; None where they are no whole number from zero on."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if whole and isinstance(value, int) else None


class Submitter(Api, Protocol):
    """One provider's paid POSTs, for one account. Nothing here repeats a POST."""

    def submit(self, operation: str, payload: Payload, request_key: str) -> Accepted:
        """Send one request; raises Rejected, NotNow or Ambiguous of `paid.py`."""

    def find(self, request_key: str, payload: Payload) -> Sequence[str] | None:
        """Ids of the jobs that came of that request, oldest first; None: it cannot be asked.

        Raises Rejected where the key is taken by another job, so that this one cannot be made.
        """

    def balance(self) -> int | None:
        """Credits that are left; None where the provider has none, or does not publish them."""


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """What a provider says of a job at one moment."""

    state: JobState | None  # None: a word that nobody knows; the job is still open
    raw: str  # the vendor's word
    charged: int | None = None  # credits as known now; None where the provider does not say
    failure: Failure | None = None
    error: str | None = None  # the vendor's words about a failure, or what is missing of it
    # it has ended, but not all that it has made is there: open for a few minutes more
    incomplete: bool = False
    # the final record, kept for the warehouse; without what signs or opens an address
    record: Mapping[str, Any] | None = None


class JobReader(Api, Protocol):
    """An API that reports one job at a time. Free of charge."""

    def report(self, job_id: str) -> JobReport:
        """The job's state now; raises ProviderError in words."""


@dataclass(frozen=True, kw_only=True)
class Polling:
    """When a job is asked after: first at its median, then ever less often."""

    medians: Mapping[str, timedelta] = field(default_factory=dict)  # by operation, as published
    shortest: timedelta = timedelta(seconds=1)  # between two polls of a job
    ceiling: timedelta  # the longest, at one that should end
    deadline: timedelta  # open for longer: stuck
    stuck_interval: timedelta  # between two polls of a stuck one


@dataclass(frozen=True, kw_only=True)
class FinishedJob:
    """A job that is over, as the ledger keeps it: what a table of jobs is loaded from."""

    job_id: str
    request_key: str | None
    state: JobState
    raw: str | None  # the vendor's word
    accepted_at: datetime
    finished_at: datetime  # when its end was seen
    error_class: str | None
    error_text: str | None
    record: Mapping[str, Any] | None  # as its `JobReport` had it; None for one that is GONE


@dataclass(frozen=True, kw_only=True)
class RowReconciler:
    """A loaded table whose rows say how jobs ended: nobody has to query each."""

    table: str
    columns: tuple[str, ...]  # that `report` and `is_of` take, after the id
    ref: str  # the column that holds the request key
    report: Callable[[Row], JobReport]
    # whether the row is what a payload asked for: other systems may use the same references
    is_of: Callable[[Row, Payload], bool]


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """What a paid POST makes at a provider, and how it is followed."""

    name: str  # "image_project"
    noun: str  # what several are called in a sentence: "image projects"
    connect: Callable[[RetryPolicy], JobReader]
    polling: Polling
    sensor: str | None = None  # follows it by id; None: something else does
    tables: tuple[str, ...] = ()  # that finished jobs' records are loaded into
    reconciler: RowReconciler | None = None
    lasts: timedelta | None = None  # how long the provider remembers a job; None: always
