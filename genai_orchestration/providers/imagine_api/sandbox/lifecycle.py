"""The life of an image as a pure function: its plan and its age in, its state out.

waiting ──starts──► in-progress 0…93 ──ends──► completed ──(late)──► in-progress 93 again
   │ (pending,                    │                                  with all its pictures
   │  or queued)                  ├──ends──► failed, with its last partial picture
   │                              └──ends──► in-progress without end (stuck)
   └──────────────ends (never started)─────► failed, without a picture
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Outcome = Literal["completed", "failed", "stuck", "late", "pending"]  # "pending": without end
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

PENDING_SECONDS = 2.0  # a new image waits this long: a poller sees `pending` once
RENDER_SECONDS = 6.0  # and renders this long: short enough for a demo to wait for
LATE_SECONDS = 2.0  # how long a `late` image is completed before the overtaken report lands
PROGRESS = (0, 15, 31, 46, 62, 78, 93)  # what Midjourney reports; never 100
LAST = len(PROGRESS) - 1

BANNED_WORD = "blood"
STUCK_MARK = "[stuck]"
BANNED = (
    "Midjourney message: The word `blood` has been banned. Circumventing this filter to violate "
    "our rules may result in your access being revoked."
)
UNSPECIFIED = "Unspecified error"


@dataclass(frozen=True, kw_only=True)
class Lifecycle:
    """What will become of an image; times in seconds since its `date_created`."""

    outcome: Outcome = "completed"
    starts: float = PENDING_SECONDS
    ends: float = PENDING_SECONDS + RENDER_SECONDS
    started: bool = True  # False: fails without ever having been in progress
    reaches: int = LAST  # index into PROGRESS of the last report before the end
    error: str = UNSPECIFIED
    waits_as: str = "pending"  # the status word while waiting; `queued` is in the schema, too


class State(NamedTuple):
    """One moment of a life."""

    status: str
    progress: int | None = None
    partial: int | None = None  # the number of the partial picture that `url` shows
    pictures: bool = False  # whether the four quadrants are there
    changed: float | None = None  # age at the last change; None when nothing changed yet


def plan_for(prompt: str) -> Lifecycle:
    """The plan of a newly posted image: its prompt may ask for a failure or for no end."""
    if BANNED_WORD in prompt.lower():
        return Lifecycle(outcome="failed", ends=PENDING_SECONDS, started=False, error=BANNED)
    return Lifecycle(outcome="stuck", reaches=LAST // 2) if STUCK_MARK in prompt else Lifecycle()


def state(plan: Lifecycle, age: float) -> State:
    """The state of a plan at that age in seconds; nothing is remembered between two calls."""
    if plan.outcome == "pending" or age < (plan.starts if plan.started else plan.ends):
        return State(plan.waits_as)
    return _rendering(plan, age) if age < plan.ends else _ended(plan, age)


def _rendering(plan: Lifecycle, age: float) -> State:
    interval = (plan.ends - plan.starts) / (plan.reaches + 1)
    report = min(int((age - plan.starts) / interval), plan.reaches)
    return State("in-progress", PROGRESS[report], report, changed=plan.starts + report * interval)


def _ended(plan: Lifecycle, age: float) -> State:
    match plan.outcome:
        case "completed":
            return State("completed", pictures=True, changed=plan.ends)
        case "failed":
            return _failed(plan)
        case "stuck":
            return State("in-progress", PROGRESS[plan.reaches], plan.reaches, changed=plan.ends)
        case "late":
            return _overtaken(plan, age)
        case "pending":
            return State(plan.waits_as)


def _failed(plan: Lifecycle) -> State:
    if not plan.started:
        return State("failed", changed=plan.ends)
    return State("failed", PROGRESS[plan.reaches], plan.reaches, changed=plan.ends)


def _overtaken(plan: Lifecycle, age: float) -> State:
    if age < plan.ends + LATE_SECONDS:
        return State("completed", pictures=True, changed=plan.ends)
    return State("in-progress", PROGRESS[LAST], LAST, True, plan.ends + LATE_SECONDS)
