"""One who stays with jobs that are about to end: how long, how often they are asked after."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.watching import watch
from genai_orchestration.watching.watch import PollResult
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, MINUTE, NOW, job
from genai_orchestration_tests.support.lines import MAGIC

(PROJECTS,) = MAGIC.job_kinds
SECOND = timedelta(seconds=1)
STAY = 4 * SECOND
OPEN = JobReport(state=JobState.RUNNING, raw="rendering")
DONE = JobReport(state=JobState.SUCCEEDED, raw="complete", record={"id": "x"})


@dataclass
class Vendor:
    """A provider's API for jobs, and the time, which only moves while somebody naps."""

    now: datetime
    answer: Callable[[datetime], JobReport] = lambda now: OPEN
    asked: list[str] = field(default_factory=list)
    naps: int = 0
    base_url: str = LOCAL.base_url

    def account(self) -> str | None:
        return None

    def report(self, job_id: str) -> JobReport:
        self.asked.append(job_id)
        return self.answer(self.now)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.naps += 1

    def follow(self, ledger: Ledger) -> PollResult:
        kind = dataclasses.replace(PROJECTS, connect=lambda policy: self)
        return watch.follow(
            *(ledger, MAGIC, kind, SENSOR_POLICY, lambda: self.now),
            seconds=60,
            linger=STAY,
            sleep=self.sleep,
        )


def test_an_end_is_seen_half_a_second_after_it(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    end = NOW + 5.1 * SECOND
    vendor = Vendor(NOW + 3 * SECOND, lambda now: DONE if now >= end else OPEN)
    assert vendor.follow(ledger) == PollResult(asked=len(vendor.asked), ended=1)
    assert 2 <= len(vendor.asked) <= 4  # from 4 s on: the usual time is 5 s
    noticed = ledger.job(job("job of a")).finished
    assert noticed
    assert noticed - end <= 2 * watch.POLL_SLEEP_SECONDS * SECOND
    assert vendor.now == noticed  # then there is nobody to stay for


def test_nobody_stays_longer_than_told(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    vendor = Vendor(NOW + 4 * SECOND)
    assert vendor.follow(ledger).open == 1
    assert STAY - 2 * watch.POLL_SLEEP_SECONDS * SECOND <= vendor.now - (NOW + 4 * SECOND) <= STAY
    assert 4 <= len(vendor.asked) <= 8


def test_nobody_stays_for_jobs_that_are_asked_after_later(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    vendor = Vendor(NOW + 10 * MINUTE)
    assert vendor.follow(ledger).open == 1
    assert (vendor.naps, len(vendor.asked)) == (0, 1)


def test_nobody_stays_at_a_provider_that_is_down(ledger: Ledger) -> None:
    for number in range(watch.TROUBLES):
        ledgers.submitted(ledger, f"k{number}")

    def down(now: datetime) -> JobReport:
        raise Unavailable("Magic Hour does not answer.")

    vendor = Vendor(NOW + MINUTE, down)
    assert vendor.follow(ledger).trouble
    assert (vendor.naps, len(vendor.asked)) == (0, watch.TROUBLES)
