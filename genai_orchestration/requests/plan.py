"""What a list of requests would ask for and cost, before anything is recorded or sent.

    requests ─► mistakes?  ─yes─► not sent; a list of sentences by request
       ▲            └─no──► sound: credits by provider and model, same payloads under other keys
       └─ rows of the warehouse that payloads name (designs), for finer mistakes and prices

Pure: no vendor is asked, no ledger and no warehouse is read. Prices are the providers' dated lists.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from genai_orchestration.providers.work import Operation, Row
from genai_orchestration.requests.accidents import formula_errors, likeness
from genai_orchestration.requests.request import (
    NewRequest,
    Operations,
    key_mistake,
    unknown_operation,
)

# by provider and table: the rows that the warehouse has, by id; a table that is not there was not
# asked for
Known = Mapping[tuple[str, str], Mapping[str, Row]]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One request, and what can be known of it before it is sent."""

    request: NewRequest
    mistakes: tuple[str, ...]  # sentences; with any, it is not sent
    model: str  # what its price is grouped by
    credits: int | None  # the provider's; None where no price is published
    row: Row | None = None  # what the warehouse has of what the payload names
    missing: tuple[str, str, str] | None = None  # provider, noun and id of what it does not have


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What the sound requests for one model would cost."""

    provider: str
    model: str
    requests: int
    credits: int  # of those with a price; the lists' prices are the lowest ("from 5 credits")
    unpriced: int  # requests for which no price is published


@dataclass(frozen=True)
class RequestPlan:
    """All requests of a plan, in their order."""

    planned: tuple[Planned, ...]

    @property
    def count(self) -> int:
        """How many requests there are, those with mistakes included."""
        return len(self.planned)

    @property
    def sound(self) -> tuple[Planned, ...]:
        """The requests without a mistake: the ones that may be sent."""
        return tuple(each for each in self.planned if not each.mistakes)

    @property
    def mistakes(self) -> Mapping[str, tuple[str, ...]]:
        """Sentences by request key, of the requests that have any."""
        found: dict[str, tuple[str, ...]] = {}
        for each in self.planned:
            if each.mistakes:
                key = each.request.request_key
                found[key] = (*found.get(key, ()), *each.mistakes)
        return found

    @property
    def missing(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        """By provider and noun, what the warehouse does not have: its ids, and requests of each."""
        found: dict[tuple[str, str], Counter[str]] = {}
        for each in self.planned:
            if each.missing:
                provider, noun, named = each.missing
                found.setdefault((provider, noun), Counter())[named] += 1
        return found

    @property
    def duplicates(self) -> tuple[tuple[str, ...], ...]:
        """Keys of sound requests that ask the same of the same: each group is paid for in full.

        Spaces, and the coding of letters, do not count.
        """
        groups: dict[str, list[str]] = {}
        for each in self.sound:
            groups.setdefault(likeness(each.request), []).append(each.request.request_key)
        return tuple(tuple(keys) for keys in groups.values() if len(keys) > 1)

    @property
    def costs(self) -> tuple[Cost, ...]:
        """What the sound requests would cost, by provider and model, in alphabetical order."""
        groups: dict[tuple[str, str], list[Planned]] = {}
        for each in self.sound:
            groups.setdefault((each.request.provider, each.model), []).append(each)
        return tuple(_cost(*key, groups[key]) for key in sorted(groups))

    @property
    def credits(self) -> Mapping[str, int]:
        """Credits by provider, of the sound requests that have a price: two are never added up."""
        totals: Counter[str] = Counter()
        for cost in self.costs:
            totals[cost.provider] += cost.credits
        return dict(totals)

    @property
    def unpriced(self) -> int:
        """How many sound requests have no published price."""
        return sum(cost.unpriced for cost in self.costs)


def plan(
    requests: Iterable[NewRequest],
    operations: Operations,
    known: Known | None = None,
    made_keys: Collection[str] = (),
) -> RequestPlan:
    """What is known of the requests; `operations` are those of the providers that may be asked.

    `made_keys` are the ledger's own, of retries: they are longer than anybody's may be.
    """
    asked = list(requests)
    keys = Counter(request.request_key for request in asked)
    planned = [_planned(request, operations, keys, known or {}) for request in asked]
    bad = {key: key_mistake(key) for key in keys if key not in made_keys}
    return RequestPlan(
        tuple(
            replace(each, mistakes=(mistake, *each.mistakes)) if mistake else each
            for each in planned
            for mistake in [bad.get(each.request.request_key)]
        )
    )


def _planned(
    request: NewRequest, operations: Operations, keys: Mapping[str, int], known: Known
) -> Planned:
    found: list[str | None] = []
    if keys[request.request_key] > 1:
        found.append(
            f"request_key {request.request_key!r} names {keys[request.request_key]} requests: give "
            "each its own."
        )
    operation = operations.get((request.provider, request.operation))
    if operation is None:
        found.append(unknown_operation(request.provider, request.operation, operations))
        return Planned(
            request=request, mistakes=tuple(filter(None, found)), model="unknown", credits=None
        )
    found += formula_errors(request.payload)
    row, missing = _row(request, operation, known)
    found += operation.mistakes(request.payload)
    if row is not None and operation.known:
        found += operation.known.mistakes(request.payload, row)
    return Planned(
        request=request,
        mistakes=tuple(filter(None, found)),
        model=operation.model(request.payload),
        credits=operation.price(request.payload, row),
        row=row,
        missing=missing,
    )


def _row(
    request: NewRequest, operation: Operation, known: Known
) -> tuple[Row | None, tuple[str, str, str] | None]:
    """What the warehouse has of what the payload names; or what it does not have."""
    lookup = operation.known
    rows = known.get((request.provider, lookup.table)) if lookup else None
    named = lookup.id_of(request.payload) if lookup and rows is not None else None
    if lookup is None or rows is None or named is None:
        return None, None
    row = rows.get(named)
    return row, None if row is not None else (request.provider, lookup.noun, named)


def _cost(provider: str, model: str, planned: Sequence[Planned]) -> Cost:
    prices = [each.credits for each in planned if each.credits is not None]
    return Cost(
        provider=provider,
        model=model,
        requests=len(planned),
        credits=sum(prices),
        unpriced=len(planned) - len(prices),
    )
