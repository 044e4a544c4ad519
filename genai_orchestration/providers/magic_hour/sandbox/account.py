"""The account of Magic Hour's sandbox: its credits, and its jobs by kind.

    Order ─► submit ─┬─► 402, when the credits do not cover it, or there is no subscription
                     └─► Job, which costs from then on what it says it costs

Credits are granted ones minus the cost of every job as known now, so a failed job refunds itself.
"""

import uuid
from datetime import timedelta

from genai_orchestration.providers.magic_hour.sandbox.jobs import Job, Withheld
from genai_orchestration.providers.magic_hour.sandbox.orders import KINDS, GenerationInput, Kind
from genai_orchestration.providers.magic_hour.sandbox.refusals import NOT_FOUND, Refusal
from genai_orchestration.sandbox.clock import Clock

UNSUBSCRIBED = "none"  # the tier of an account to which every creation is refused
GRANTED = 100_000  # credits: a day of demonstrations
EXAMPLE_AGE = timedelta(hours=1)
EXAMPLES = (  # the vendor's own example ids, as finished jobs
    (
        "cuid-example",
        GenerationInput(kind="image", type="AI_IMAGE", seconds=5, price=5, prompt="example"),
    ),
    (
        "cuid-example",
        GenerationInput(
            kind="video", type="TEXT_TO_VIDEO", seconds=12, price=300, extension="mp4", length=5
        ),
    ),
    (
        "cuid-example",
        GenerationInput(kind="audio", type="VOICE_GENERATOR", seconds=4, price=2, extension="wav"),
    ),
    (
        "uuid-example",
        GenerationInput(kind="face", type="", seconds=3, price=0, files=2, size=(256, 256)),
    ),
)


class Account:
    """One account: a job of one kind is never found among those of another."""

    def __init__(self, clock: Clock) -> None:
        self.id = "cmacct01"
        self.tier = "pro"
        self.submitted = 0  # jobs that were paid for, deleted ones included
        self._clock = clock
        self._granted = GRANTED
        self._running: list[Job] = []  # whose cost may still change
        self._jobs: dict[tuple[Kind, str], Job] = {}
        for id, order in EXAMPLES:
            self._keep(Job(id=id, order=order, created_at=clock.now() - EXAMPLE_AGE))

    @property
    def credits(self) -> int:
        """What can be spent now."""
        self._settle()
        return self._granted - sum(job.order.price for job in self._running)

    @credits.setter
    def credits(self, credits: int) -> None:
        self._granted += credits - self.credits

    def submit(self, order: GenerationInput) -> Job:
        """A job that begins now; 402 when the credits do not cover it, or nothing is subscribed."""
        if self.tier == UNSUBSCRIBED:
            raise Refusal(402, "An active subscription is required", "subscription_required")
        if order.price > self.credits:
            raise Refusal(402, "Payment required", "insufficient_credits")
        id = str(uuid.uuid4()) if order.kind == "face" else f"cm{uuid.uuid4().hex[:23]}"
        job = Job(id=id, order=order, created_at=self._clock.now())
        self.submitted += 1
        self._running.append(job)
        self._keep(job)
        return job

    def job(self, kind: Kind, id: str) -> Job:
        """The job of that kind and id; 404 when there is none, or none any more."""
        if (kind, id) not in self._jobs:
            raise NOT_FOUND
        return self._jobs[kind, id]

    def any_job(self, id: str) -> Job | None:
        """The job of that id, whatever its kind."""
        found = (self._jobs.get((kind, id)) for kind in KINDS)
        return next((job for job in found if job), None)

    def delete(self, kind: Kind, id: str) -> None:
        """Remove a job; what it cost stays spent."""
        del self._jobs[kind, self.job(kind, id).id]

    def cancel(self, id: str) -> Job:
        """Stop a job as a person in the web app does; a finished one stays finished."""
        job = self.any_job(id)
        if job is None or job.order.kind == "face":
            raise NOT_FOUND
        now = self._clock.now()
        if not job.over(now):
            job.canceled_at = now
        return job

    def withhold(self, id: str, shown: int | None, seconds: float) -> Job:
        """Let a job show that many downloads, or null, for the next seconds."""
        job = self.any_job(id)
        if job is None:
            raise NOT_FOUND
        job.withheld = Withheld(shown, self._clock.now() + timedelta(seconds=seconds))
        return job

    def _settle(self) -> None:
        # the cost of a job that is over is final: it leaves the sum that every create computes
        now = self._clock.now()
        self._granted -= sum(job.credits(now) for job in self._running if job.over(now))
        self._running = [job for job in self._running if not job.over(now)]

    def _keep(self, job: Job) -> None:
        self._jobs[job.order.kind, job.id] = job
