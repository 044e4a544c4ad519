"""What tests stand on: a clean environment, the sandbox over real HTTP, and empty ledgers.

The ledgers are a SQLite file, and a real PostgreSQL that does not live in UTC.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.providers import http
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import postgres
from genai_orchestration_tests.support.starter import Starter

FOREIGN = ("API_KEY", "GENAI_", "DAGSTER_", "SOURCES__", "DESTINATION__", "REQUESTS__")

# of a minute and more each: begun first, so that the suite does not wait for them at its end
LONG = (
    "test_soak",
    "test_end_to_end",
    "test_dev_processes",
    "test_dev_running",
    "test_terminate",
    "test_demo_ui",
    "test_archiving_killed",
    "test_kills",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests before the others, in the same order on every worker."""
    items.sort(key=lambda item: not item.path.stem.startswith(LONG))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No key, home or destination of the developer reaches a test; state goes to a new folder."""
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.endswith("API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GENAI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def nobody_has_answered_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server has answered to an earlier test, on the same port, does not count."""
    monkeypatch.setattr(http, "_answering", set())


@pytest.fixture
def seed() -> int:
    """Of a test's own chances: pytest shows it with a failure, and SEED=... fixes it."""
    chosen = int(os.environ.get("SEED") or random.randrange(10**9))
    print(f"SEED={chosen}")  # noqa: T201
    return chosen


@pytest.fixture
def settings() -> Settings:
    """The settings that the product itself would read in this test."""
    return Settings.load()


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A running sandbox with a clock that stands still; every provider is configured for it."""
    with Sandbox(clock=FrozenClock()).running() as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Postgres]:
    with postgres.running() as running:
        yield running


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    made = Starter()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings, and an environment for other processes, of a ledger that nobody has opened."""
    if request.param == "postgres":
        server = request.getfixturevalue("server")
        monkeypatch.setenv("GENAI_LEDGER", server.database(timezone="America/New_York"))
    return Settings.load()


@pytest.fixture
def ledger(place: Settings) -> Iterator[Ledger]:
    with Ledger.open(place, who="ann@desk") as opened:
        yield opened
