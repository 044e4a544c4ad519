"""Ledgers of some size, and how many transactions a second they take, beside a bare UPDATE.

    a ledger with `over` requests of this month ─┬─► start, submitted ─► the ledger's transactions
      SQLite: WAL, synchronous=FULL              └─► UPDATE one row ───► SQLAlchemy alone
      PostgreSQL: as it comes

Both commit to the same disk, with the same durability.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import Budget, Limits
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.tables import jobs, requests
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.settings import Settings

NOW = datetime(2024, 3, 15, 12, tzinfo=timezone.utc)
BEFORE = NOW - timedelta(days=3)  # in the same month, and on another day
SAMPLE, TURNS = 150, 3
ENOUGH = 1_000_000
CAPPED = Limits(
    base_url="https://api.vendor.example",
    budget=Budget(per_day=ENOUGH, per_month=ENOUGH),
    in_flight=ENOUGH,
    posts_per_second=ENOUGH,
)


def transactions(settings: Settings, over: int) -> tuple[float, float]:
    """Transactions a second, the best of some turns: the ledger's own, and bare ones."""
    ours, bare = [], []
    with _filled(settings, over) as (ledger, keys), _engine(settings) as engine:
        for turn in range(TURNS):
            chosen = keys[turn * SAMPLE : (turn + 1) * SAMPLE]
            ours.append(2 * SAMPLE / _submitted(ledger, chosen))
            bare.append(SAMPLE / _updated(engine, chosen))
        assert ledger.counts() == {RequestState.SUBMITTED: over + len(keys)}
    return max(ours), max(bare)


def _submitted(ledger: Ledger, keys: list[str]) -> float:
    """Seconds in which each is reserved before its POST, and submitted after it."""
    started = time.perf_counter()
    for key in keys:
        ledger.start(key, CAPPED, NOW)
        ledger.mark_submitted(key, f"job-{key}", 5, NOW, answer={"id": f"job-{key}"})
    return time.perf_counter() - started


def _updated(engine: sa.Engine, keys: list[str]) -> float:
    started = time.perf_counter()
    for key in keys:
        with engine.begin() as connection:
            row = requests.c.request_key == key
            connection.execute(sa.update(requests).where(row).values(decided_by="benchmark"))
    return time.perf_counter() - started


@contextmanager
def _filled(settings: Settings, over: int) -> Iterator[tuple[Ledger, list[str]]]:
    """A ledger in which so many requests have succeeded, and some more may be started."""
    with Ledger.open(settings) as ledger:
        ledger.add((_wanted(f"old-{number}") for number in range(over)), BEFORE)
        with _engine(settings) as engine, engine.begin() as connection:
            connection.execute(
                sa.update(requests).values(
                    state="submitted", submitting_at=BEFORE, decided_at=BEFORE, reserved=5
                )
            )
            key, at = requests.c.request_key, requests.c.decided_at
            done = sa.select(requests.c.provider, requests.c.job_kind, key, key, at, at)
            names = ["provider", "kind", "job_id", "request_key", "first_seen", "finished"]
            state = sa.literal("SUCCEEDED")
            connection.execute(
                sa.insert(jobs).from_select([*names, "state"], done.add_columns(state))
            )
        keys = [f"new-{number}" for number in range(TURNS * SAMPLE)]
        ledger.add(map(_wanted, keys), NOW)
        ledger.approve(keys, NOW)
        yield ledger, keys


def _wanted(key: str) -> PaidRequest:
    return PaidRequest(
        provider="magic_hour",
        operation="ai_image_generator",
        job_kind="image_project",
        payload={"image_count": 1, "style": {"prompt": f"a matte black sneaker, {key}"}},
        request_key=key,
        price_estimate=5,
    )


@contextmanager
def _engine(settings: Settings) -> Iterator[sa.Engine]:
    """SQLAlchemy's own way to the ledger's database."""
    address = settings.ledger_address or f"sqlite:///{settings.ledger}"
    engine = sa.create_engine(address.replace("postgresql:", "postgresql+psycopg2:"))
    if settings.ledger_address is None:
        sa.event.listen(engine, "connect", _durable)
    try:
        yield engine
    finally:
        engine.dispose()


def _durable(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous=FULL")  # WAL is the file's already
