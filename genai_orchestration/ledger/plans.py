"""Many requests into the ledger at once: new ones, known ones, and keys of other requests."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from genai_orchestration.ledger.requests import columns, get, wrong_state
from genai_orchestration.ledger.states import ENTERS, LEAVES, RequestState, Step
from genai_orchestration.ledger.tables import requests
from genai_orchestration.requests.paid_request import KeyConflict, PaidRequest, differences

CHUNK = 500  # rows of one statement; databases bound the number of its parameters
CONFLICTS_SHOWN = 3  # conflicts that one error names

Item = TypeVar("Item")


@dataclass(frozen=True)
class Conflict:
    """A key of another request, and what differs."""

    request_key: str
    difference: str


@dataclass(frozen=True)
class Added:
    """What became of requests that were added, by their keys."""

    new: tuple[str, ...]
    known: tuple[str, ...]  # there already, the same: nothing was done
    conflicts: tuple[Conflict, ...]  # there already, and another: nothing was done

    def check(self) -> "Added":
        """Itself; KeyConflict in a sentence when there are conflicts."""
        if not self.conflicts:
            return self
        conflicts = ". ".join(
            f"{conflict.request_key} has {conflict.difference}"
            for conflict in self.conflicts[:CONFLICTS_SHOWN]
        )
        more = len(self.conflicts) - CONFLICTS_SHOWN
        rest = f". So have {more} more" if more > 0 else ""
        raise KeyConflict(
            f"A key stands for one request, and these came with another: {conflicts}{rest}. "
            "Give what has changed a new key."
        )


def add(
    connection: sa.Connection,
    wanted: Sequence[tuple[PaidRequest, str]],
    now: datetime,
    who: str,
) -> Added:
    """Plan the requests, given with their payloads' hashes; the first of two of one key counts."""
    new: list[str] = []
    known: list[str] = []
    conflicts: list[Conflict] = []
    for chunk in _chunks(wanted):
        there = _facts_of(connection, [request.request_key for request, _ in chunk])
        rows: list[dict[str, Any]] = []
        for request, payload_hash in chunk:
            key, row = request.request_key, _row(request, payload_hash, now, who)
            if key not in there:
                there[key] = row
                rows.append(row)
                new.append(key)
            elif _same(there[key], row):
                known.append(key)
            else:
                conflicts.append(Conflict(key, differences(_shown(there[key]), _shown(row))))
        if rows:
            connection.execute(sa.insert(requests), rows)
    return Added(tuple(new), tuple(known), tuple(conflicts))


def approve(connection: sa.Connection, keys: Sequence[str], now: datetime, who: str) -> int:
    """Approve all of the requests, or none and raise; how many were not approved before."""
    approved = 0
    leaves = [state.value for state in LEAVES[Step.APPROVE]]
    enters = ENTERS[Step.APPROVE]
    for chunk in _chunks(list(dict.fromkeys(keys))):
        done = connection.execute(
            sa.update(requests)
            .where(columns.request_key.in_(chunk), columns.state.in_(leaves))
            .values(state=enters.value, approved_at=now, approved_by=who)
        )
        approved += done.rowcount
        right = sa.select(columns.request_key).where(
            columns.request_key.in_(chunk), columns.state == enters.value
        )
        elsewhere = set(chunk) - set(connection.execute(right).scalars())
        if elsewhere:
            raise wrong_state(get(connection, min(elsewhere)), Step.APPROVE.value)
    return approved


def reprice(connection: sa.Connection, prices: Mapping[str, int]) -> None:
    """Write other estimates for planned requests; what is approved keeps the one it has."""
    rows = [{"named": key, "price": price} for key, price in prices.items()]
    if rows:
        connection.execute(
            sa.update(requests)
            .where(
                columns.request_key == sa.bindparam("named"),
                columns.state == RequestState.PLANNED.value,
            )
            .values(price_estimate=sa.bindparam("price")),
            rows,
        )


def operations(connection: sa.Connection, keys: Collection[str]) -> set[str]:
    """The operations that the requests of these keys are of."""
    asked = sa.select(columns.operation).distinct()
    return {
        str(name)
        for chunk in _chunks(list(keys))
        for name in connection.execute(asked.where(columns.request_key.in_(chunk))).scalars()
    }


def _facts_of(connection: sa.Connection, keys: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """What the ledger knows of the keys that it has."""
    rows = connection.execute(sa.select(requests).where(columns.request_key.in_(keys))).mappings()
    return {row["request_key"]: dict(row) for row in rows}


def _row(request: PaidRequest, payload_hash: str, now: datetime, who: str) -> dict[str, Any]:
    return {
        "request_key": request.request_key,
        "provider": request.provider,
        "operation": request.operation,
        "job_kind": request.job_kind,
        "campaign": request.campaign,
        "payload": request.payload,
        "payload_hash": payload_hash,
        "state": RequestState.PLANNED.value,
        "price_estimate": request.price_estimate,
        "attempt": 1,
        "planned_at": now,
        "planned_by": who,
    }


def _same(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    names = ("provider", "operation", "campaign", "payload_hash")
    return all(old[name] == new[name] for name in names)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("provider", "operation", "campaign", "payload")}


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
