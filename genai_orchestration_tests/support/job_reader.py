"""A provider's API for jobs, as a test wants it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration_tests.support.ledgers import LOCAL

OPEN = JobReport(state=JobState.RUNNING, raw="rendering")


@dataclass
class Says:
    """A provider's API for jobs that says what a test wants, and remembers who was asked after."""

    answer: Callable[[str], JobReport] = lambda job_id: OPEN
    asked: list[str] = field(default_factory=list)
    base_url: str = LOCAL.base_url
    key_of: str | None = None

    def account(self) -> str | None:
        return self.key_of

    def report(self, job_id: str) -> JobReport:
        self.asked.append(job_id)
        return self.answer(job_id)
