"""Magic Hour jobs of simulated durations: when each begins and ends, and when that is noticed."""

import random
from dataclasses import dataclass

from genai_orchestration.providers.magic_hour import PROVIDER

(PROJECTS,) = PROVIDER.job_kinds
JOBS = 1000
MEDIANS = PROJECTS.polling.medians  # the vendor's published processing times: 5 s and 22 s
SPREAD = 0.54  # of durations (lognormal): a tenth takes over twice the median; assumed
PACE = 0.2  # seconds between two submissions: POSTs one after the other


@dataclass
class Job:
    """A job at the vendor, in seconds since the beginning."""

    operation: str
    start: float
    end: float
    polls: int = 0
    noticed: float | None = None

    @property
    def late(self) -> float:
        """From its end to the poll that saw it, in its own duration."""
        assert self.noticed is not None, "its end was not noticed"
        return (self.noticed - self.end) / (self.end - self.start)

    def over(self, moment: float) -> bool:
        """Count a poll; whether it finds that the job is over."""
        self.polls += 1
        if moment < self.end:
            return False
        self.noticed = self.noticed or moment
        return True


def made(pace: float = PACE) -> list[Job]:
    """Jobs in the order of their submission, the same ones each time; operations take turns."""
    chance = random.Random(20260101)
    found = []
    for place in range(JOBS):
        operation = [*MEDIANS][place % len(MEDIANS)]
        lasts = MEDIANS[operation].total_seconds() * chance.lognormvariate(0, SPREAD)
        found.append(Job(operation, place * pace, place * pace + lasts))
    return found
