"""A ledger in a SQLite file, and the time of the sandbox."""

from collections.abc import Iterator

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.lines import Time


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


@pytest.fixture
def time(sandbox: Sandbox) -> Time:
    return Time(sandbox)
