"""An empty ledger of each kind: a SQLite file, and a real PostgreSQL that does not live in UTC.

And a process that starts others.
"""

from collections.abc import Iterator

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.settings import Settings
from genai_orchestration_tests import postgres
from genai_orchestration_tests.jobs.starter import Starter


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
