"""Jobs of Magic Hour that are followed, and a ledger of SQLite, which a module takes over."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration.watching.watch import PollResult, poll
from genai_orchestration_tests.support.job_reader import Says
from genai_orchestration_tests.support.ledgers import NOW
from genai_orchestration_tests.support.lines import MAGIC

(PROJECTS,) = MAGIC.job_kinds
SECOND = timedelta(seconds=1)
POLLING = PROJECTS.polling
DONE = JobReport(state=JobState.SUCCEEDED, raw="complete", charged=5, record={"id": "x"})


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


def followed(ledger: Ledger, reader: Says, age: timedelta) -> PollResult:
    """A look at jobs that were submitted NOW, at that age of theirs."""
    return poll(ledger, MAGIC, PROJECTS, reader, NOW + age, seconds=60)
