"""Magic Hour jobs followed by id, in a time that only moves while somebody sleeps.

    jobs of simulated durations ◄─ asked after ─┬─ ours: the sensor's looks, the ledger on SQLite
                                                └─ the SDK: its own loop, `check_result`

Time and the vendor are all that is not real. Ticks begin as Dagster's daemon begins them.
"""

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from unittest import mock

from magic_hour.resources.v1.image_projects import client as sdk
from magic_hour.types.models import V1ImageProjectsGetResponse

from benchmarks.magic_hour_jobs import JOBS, MEDIANS, PROJECTS, Job, made
from benchmarks.measuring import Line, at_home
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import Limits
from genai_orchestration.orchestration.sensors import jobs as job_sensor
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.magic_hour import PROVIDER
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.settings import Settings
from genai_orchestration.watching import watch
from genai_orchestration.watching.watch import PollResult

FEWER, LATE = 0.8, 0.1  # polls than the SDK's; median delay, of a job's own time
LOOKS = 20
DAEMON = 5.0  # seconds between two looks of Dagster's daemon at its sensors
BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
LOCAL = Limits(base_url="http://127.0.0.1")  # where no caps are needed
RENDERING = V1ImageProjectsGetResponse.model_validate_json(
    '{"id": "x", "name": null, "status": "rendering", "type": "AI_IMAGE", "image_count": 1, '
    '"created_at": "2026-01-01T00:00:00.000Z", "enabled": true, "credits_charged": 5, '
    '"total_frame_cost": 5, "downloads": [], "error": null}'
)
COMPLETE = RENDERING.model_copy(update={"status": "complete"})


@dataclass
class Ours:
    """The sensor's side: a ledger, the vendor's jobs (as a `JobReader`), and the time."""

    ledger: Ledger
    jobs: Sequence[Job]
    seconds: float = 0.0
    submitted: int = 0
    base_url: str = LOCAL.base_url

    def account(self) -> str | None:
        """No account is named: nothing here is asked twice."""
        return None

    def plan(self) -> None:
        """Plan and approve all of the requests."""
        wanted = [
            PaidRequest(
                provider=PROVIDER.name,
                operation=job.operation,
                job_kind=PROJECTS.name,
                payload={"number": number},
                request_key=f"job-{number}",
                price_estimate=5,
            )
            for number, job in enumerate(self.jobs)
        ]
        self.ledger.add(wanted, self.now())
        self.ledger.approve([each.request_key for each in wanted], self.now())

    def follow(self) -> None:
        """Tick after tick, until all jobs are over."""
        kind = dataclasses.replace(PROJECTS, connect=lambda policy: self)
        due = 0.0
        while self.submitted < len(self.jobs) or any(job.noticed is None for job in self.jobs):
            if self.seconds >= due:
                due = self.seconds + job_sensor.INTERVAL_SECONDS
                watch.follow(
                    *(self.ledger, PROVIDER, kind, SENSOR_POLICY, self.now),
                    seconds=job_sensor.BUDGET_SECONDS,
                    linger=job_sensor.LINGER,
                    sleep=self.sleep,
                )
            self.sleep(DAEMON - self.seconds % DAEMON)

    def now(self) -> datetime:
        """The simulated time."""
        return BEGIN + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        """Let time pass; what is to be submitted meanwhile is submitted at its own time."""
        until = self.seconds + seconds
        for job in self.jobs[self.submitted :]:
            if job.start > until:
                break
            self.seconds, key = job.start, f"job-{self.submitted}"
            self.ledger.start(key, LOCAL, self.now())
            self.ledger.mark_submitted(key, key, 5, self.now())
            self.submitted += 1
        self.seconds = until

    def report(self, job_id: str) -> JobReport:
        """What the vendor says of a job."""
        if self.jobs[int(job_id.removeprefix("job-"))].over(self.seconds):
            record = {"id": job_id, "status": "complete"}
            return JobReport(state=JobState.SUCCEEDED, raw="complete", record=record)
        return JobReport(state=JobState.RUNNING, raw="rendering")


class Sdk(sdk.ImageProjectsClient):  # type: ignore[misc]
    """The SDK's client, whose one request is answered from the jobs."""

    def __init__(self) -> None:
        super().__init__(base_client=None)
        self.seconds = 0.0

    def get(self, *, id: Job, request_options: object = None) -> V1ImageProjectsGetResponse:
        """The project as it stands."""
        return COMPLETE if id.over(self.seconds) else RENDERING

    def wait_for_all(self, jobs: Sequence[Job]) -> None:
        """Each from its own beginning, as if in a thread of its own."""

        def sleep(seconds: float) -> None:
            self.seconds += seconds

        with mock.patch.object(sdk, "time", SimpleNamespace(sleep=sleep)):
            for job in jobs:
                self.seconds = job.start
                self.check_result(job, wait_for_completion=True, download_outputs=False)


def run() -> Iterator[Line]:
    """Polls, delays, and what the ledger takes."""
    ours, theirs = made(), made()
    with _ledger() as ledger:
        side = Ours(ledger, ours)
        side.plan()
        side.follow()
    Sdk().wait_for_all(theirs)
    each = (
        f"{name}: {_polls(ours, name):.1f} polls (the SDK {_polls(theirs, name):.1f}), "
        f"noticed {_late(ours, name):.1%} of its own time after its end"
        for name in MEDIANS
    )
    ratio = _polls(theirs) / _polls(ours)
    yield Line(
        measure=f"polls of a Magic Hour job, {JOBS:,} followed",
        ours=f"{_polls(ours):.1f}",
        alternative=f"the SDK's wait, every 0.5 s: {_polls(theirs):.1f}",
        ratio=ratio,
        target=f"{FEWER:.0%} fewer",
        reached=1 / ratio <= 1 - FEWER,
        why="; ".join(each),
    )
    yield Line(
        measure="delay until its end is noticed, median",
        ours=f"{_late(ours):.1%} of its own time",
        alternative=f"the SDK's wait: {_late(theirs):.1%}",
        ratio=_late(theirs) / _late(ours),
        target=f"at most {LATE:.0%}",
        reached=_late(ours) <= LATE,
    )
    yield _ledger_cost()


def _polls(jobs: Sequence[Job], name: str = "") -> float:
    return statistics.mean(job.polls for job in jobs if name in job.operation)


def _late(jobs: Sequence[Job], name: str = "") -> float:
    return statistics.median(job.late for job in jobs if name in job.operation)


def _ledger_cost() -> Line:
    """What a look takes without the network: at a thousand open jobs that are not due, and are."""
    with _ledger() as ledger:
        side = Ours(ledger, made(pace=0))
        side.plan()
        side.sleep(0)
        for job in side.jobs:
            job.end = 3600.0
        side.sleep(60)
        asked, every = _cpu(side)
        assert asked.asked == JOBS, asked
        looks = [_cpu(side) for _ in range(LOOKS)]
        assert not any(found.asked for found, _ in looks)
    idle = statistics.median(seconds for _, seconds in looks)
    each = (every - idle) / JOBS
    return Line(
        measure=f"the ledger's part of a look at {JOBS:,} open jobs (cpu)",
        ours=f"{idle * 1000:.0f} ms, and {each * 1000:.2f} ms for each that is asked after",
    )


def _cpu(side: Ours) -> tuple[PollResult, float]:
    started = time.process_time()
    found = watch.poll(side.ledger, PROVIDER, PROJECTS, side, side.now(), seconds=60)
    return found, time.process_time() - started


@contextlib.contextmanager
def _ledger() -> Iterator[Ledger]:
    """An empty ledger, a SQLite file."""
    with at_home(), Ledger.open(Settings.load()) as ledger:
        yield ledger
