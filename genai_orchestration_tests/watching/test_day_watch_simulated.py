"""The day watch against a made-up API and made-up runs, in any order of events.

images are made, appear late, finish ─┐
runs succeed, fail, crash, are lost  ─┼─► looks ─► quiet looks ─► is every image loaded?
ticks are cut short, done again      ─┘
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from genai_orchestration.providers.base import Counts
from genai_orchestration.watching.day_cursor import DAY, Cursor
from genai_orchestration.watching.day_watch import (
    AT_ONCE,
    REACH,
    Request,
    RunOutcome,
    Tick,
    advance,
    due,
    old_days_due,
    open_days,
    run_key,
)

MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 10, 22, 30, tzinfo=timezone.utc)  # midnight is near
NEVER = datetime.max.replace(tzinfo=timezone.utc)

Fate = Literal["succeeded", "failed", "active"]


@dataclass(frozen=True)
class Image:
    """When an image was made, is there for the API, and is finished."""

    created: datetime
    appears: datetime
    finished: datetime

    def done(self, now: datetime) -> bool:
        return max(self.appears, self.finished) <= now


@dataclass
class Run:
    """A run that Dagster knows of: what it loads, and how it ends."""

    fate: Fate
    day: date
    images: set[int]
    ended: datetime


@dataclass(frozen=True)
class Step:
    """What happens until the next look, and how that goes."""

    wait: timedelta
    images: list[tuple[int | None, int]]  # minutes until finished (None: never), and late
    fates: list[Fate]  # of runs that are started
    budget: int  # days that there is time to count
    tick: Literal["whole", "replayed", "submission lost", "outage"]


steps = st.builds(
    Step,
    wait=st.sampled_from(
        [MINUTE / 2, 5 * MINUTE, 11 * MINUTE, 90 * MINUTE, 20 * 60 * MINUTE, 3 * DAY, 70 * DAY]
    ),
    images=st.lists(
        st.tuples(st.none() | st.integers(0, 4000), st.sampled_from([0, 0, 1, 20])), max_size=3
    ),
    fates=st.lists(st.sampled_from(["succeeded", "failed", "active"]), min_size=1, max_size=3),
    budget=st.sampled_from([1, 2, 3, 1000]),
    tick=st.sampled_from(["whole", "whole", "whole", "replayed", "submission lost", "outage"]),
)


@dataclass
class World:
    """The API, Dagster and the warehouse; its clock only goes by `live`."""

    now: datetime = START
    images: list[Image] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    loaded: set[int] = field(default_factory=set)
    cursor: str = ""
    fates: list[Fate] = field(default_factory=lambda: ["succeeded"])

    def live(self, step: Step) -> None:
        """Let time pass, make images, look, and start what the look asks for."""
        self.now += step.wait
        for minutes, late in step.images:
            end = NEVER if minutes is None else self.now + minutes * MINUTE
            self.images.append(Image(self.now, self.now + late * MINUTE, end))
        self.fates = step.fates
        for run in self.runs.values():
            if run.fate == "active":
                self.end(run, self.fate())
        if step.tick == "replayed":  # the daemon died before it had stored the cursor
            self.submit(self.tick(step).requests)
            self.now += MINUTE
        tick = self.tick(step)
        new = [request.run_key for request in tick.requests]
        assert len(set(new)) == len(new)
        if step.tick != "submission lost":
            self.submit(tick.requests)
        if not tick.failed:
            self.cursor = tick.cursor.dumps()
            assert len(tick.cursor.asked) <= AT_ONCE

    def tick(self, step: Step) -> Tick:
        """One look, as the sensor does it."""
        cursor = Cursor.loads(self.cursor)
        outcomes = {day: self.outcome(run_key(day, ask)) for day, ask in cursor.asked.items()}
        cursor = open_days(cursor, self.now, ())
        if step.tick == "outage":
            return advance(cursor, self.now, {}, outcomes, resume_at=cursor.resume_at)
        if old_days_due(cursor, self.now):
            cursor = open_days(cursor, self.now, self.unfinished_days())
        days = due(cursor, self.now)
        counts = {day: self.counts(day) for day in days[: step.budget]}
        resume_at = days[step.budget] if len(days) > step.budget else None
        return advance(cursor, self.now, counts, outcomes, resume_at=resume_at)

    def submit(self, requests: tuple[Request, ...]) -> None:
        """Start the runs; as in Dagster, a key that was ever used starts none."""
        for request in requests:
            day, finished, *_ = request.run_key.split("|")
            if known := self.runs.get(request.run_key):
                # of a tick that was done again: it must do for what is meant now
                assert str(known.day) == day
                assert len(known.images) >= int(finished[1:])
                continue
            ready = {n for n in self.of(request.day) if self.images[n].done(self.now)}
            run = self.runs[request.run_key] = Run("active", request.day, ready, self.now)
            self.end(run, self.fate())

    def fate(self) -> Fate:
        self.fates = [*self.fates[1:], self.fates[0]]
        return self.fates[0]

    def end(self, run: Run, fate: Fate) -> None:
        run.fate, run.ended = fate, self.now
        if fate == "succeeded":
            self.loaded |= run.images

    def outcome(self, key: str) -> RunOutcome:
        run = self.runs.get(key)
        return RunOutcome(run.fate, run.ended) if run else RunOutcome("missing")

    def of(self, day: date) -> list[int]:
        """The images of that day that the API has."""
        return [
            n
            for n, image in enumerate(self.images)
            if image.created.date() == day and image.appears <= self.now
        ]

    def counts(self, day: date) -> Counts:
        images = [self.images[n] for n in self.of(day)]
        done = sum(image.done(self.now) for image in images)
        return Counts(len(images) - done, done)

    def unfinished_days(self) -> list[date]:
        days = {image.created.date() for image in self.images if image.appears <= self.now}
        return [day for day in days if self.counts(day).unfinished]


def quiet(wait: timedelta) -> Step:
    return Step(wait, [], ["succeeded"], 1000, "whole")


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=25))
def test_after_all_trouble_every_finished_image_is_loaded_and_no_key_meant_two_things(
    story: list[Step],
) -> None:
    world = World()
    for step in story:
        world.live(step)
    for _ in range(40):  # all images have ended, every delay is over
        world.live(quiet(120 * MINUTE))
    cursor = Cursor.loads(world.cursor)
    first = world.now.date() - REACH * DAY
    for number, image in enumerate(world.images):
        day = image.created.date()
        if image.done(world.now) and number not in world.loaded:
            assert day < first, f"lost: {image}"
            assert named_or_too_old(cursor, image), f"lost without a word: {image}"
    for day, count in cursor.loaded.items():
        assert (count or 0) == world.counts(day).finished
        recent = day >= world.now.date() - DAY
        assert recent or world.counts(day).unfinished, f"{day} could be closed"
    # but for the last run of the day that has just left the recent ones
    assert set(cursor.asked) <= {world.now.date() - 2 * DAY}


def named_or_too_old(cursor: Cursor, image: Image) -> bool:
    """Whether the cursor names the day as missed, or it ended beyond the watch's reach."""
    day = image.created.date()
    if cursor.gap and cursor.gap[0] <= day <= cursor.gap[1]:
        return True
    return image.finished.date() - day > REACH * DAY
