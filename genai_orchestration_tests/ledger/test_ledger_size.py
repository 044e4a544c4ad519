"""A ledger of years is as quick as a new one: what a submission reads does not grow with it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import Balance, Budget, Limits
from genai_orchestration.ledger.tables import jobs, requests
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import NOW, VENDOR

FEW, MANY = 20, 4000  # requests that are over
EVERY = 10  # instructions of SQLite's machine that are counted together
YESTERDAY = NOW - timedelta(days=1)
LIMITS = Limits(
    base_url=VENDOR,
    budget=Budget(per_day=1000, floor=5),
    in_flight=3,
    posts_per_second=10,
    balance=Balance(credits=1000, asked_at=NOW - timedelta(hours=1)),
)


@pytest.fixture
def steps() -> Iterator[Callable[[], int]]:
    """How many instructions SQLite has carried out in transactions since it was asked last."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    def begun(connection: sa.Connection) -> None:
        sqlite = connection.connection.dbapi_connection
        assert sqlite
        sqlite.set_progress_handler(count, EVERY)

    def asked() -> int:
        nonlocal counted
        found, counted = counted, 0
        return found

    sa.event.listen(sa.Engine, "begin", begun)
    yield asked
    sa.event.remove(sa.Engine, "begin", begun)


def opened(folder: Path, over: int) -> Ledger:
    """A ledger in which so many requests have succeeded, yesterday, and one waits."""
    settings = Settings(home=folder)
    ledger = Ledger.open(settings)
    ledger.add((ledgers.wanted(f"old-{number}") for number in range(over)), YESTERDAY)
    with ledgers.engine(settings).begin() as connection:
        then = {"submitting_at": YESTERDAY, "decided_at": YESTERDAY, "reserved": 5}
        connection.execute(sa.update(requests).values(state="submitted", **then))
        made = sa.select(
            requests.c.provider,
            requests.c.job_kind,
            requests.c.request_key,
            sa.literal("SUCCEEDED"),
            requests.c.request_key,
            requests.c.decided_at,
            requests.c.decided_at,
        )
        names = ["provider", "kind", "job_id", "state", "request_key", "first_seen", "finished"]
        connection.execute(sa.insert(jobs).from_select(names, made))
    ledgers.approved(ledger, "new")
    return ledger


def test_a_submission_reads_no_more_in_a_ledger_of_thousands(
    tmp_path: Path, steps: Callable[[], int]
) -> None:
    taken: dict[int, list[int]] = {}
    for over in (FEW, MANY):
        with opened(tmp_path / str(over), over) as ledger:
            steps()
            assert len(ledger.outcomes("magic_hour", 10, NOW)) == 10
            taken[over] = [steps()]
            ledger.start("new", LIMITS, NOW)
            taken[over].append(steps())
            ledger.mark_submitted("new", "job", 5, NOW)
            taken[over].append(steps())
    assert all(taken[FEW])
    for few, many in zip(taken[FEW], taken[MANY], strict=True):
        assert many <= 1.2 * few + 1, taken  # a row of a larger table is a level deeper


def test_sums_are_made_for_caps_alone(tmp_path: Path, steps: Callable[[], int]) -> None:
    taken = []
    for budget in (Budget(), Budget(per_month=10**9)):
        with opened(tmp_path / str(budget.per_month), MANY) as ledger:
            steps()
            ledger.start("new", Limits(base_url="http://127.0.0.1", budget=budget), NOW)
            taken.append(steps())
    without, with_a_cap = taken
    assert with_a_cap > MANY / EVERY > without
