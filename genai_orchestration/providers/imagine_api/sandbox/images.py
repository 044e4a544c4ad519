"""The sandbox's images: how one is asked for, what is kept of it, and its files.

    Spec ──image_from──► Image ──files──► Picture ──► PNG bytes

Nothing that is stored changes by itself: the state follows from the plan and the time, file ids
from the image's id, and pictures are drawn when they are asked for.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from genai_orchestration.providers.imagine_api.sandbox.lifecycle import (
    LAST,
    OUTCOMES,
    PROGRESS,
    RENDER_SECONDS,
    UNSPECIFIED,
    Lifecycle,
    Outcome,
    State,
    state,
)
from genai_orchestration.providers.imagine_api.sandbox.time import instant, iso
from genai_orchestration.sandbox.png import picture

OWN_USER = "126353b1-2c3e-42af-9597-b141c0e50fae"
OTHER_USER = "fcb5549b-7f1d-4c0e-9d55-0b6a4c1f2e77"
QUADRANTS = 4  # top-left, top-right, bottom-left, bottom-right
QUADRANT_PIXELS = 256  # the real ones have 1024; small ones keep the demo quick
GRID_PIXELS = 2 * QUADRANT_PIXELS


@dataclass(frozen=True, kw_only=True)
class Spec:
    """An image to put into the sandbox, in the words of `POST /_admin/images`."""

    prompt: str = "a red fox in fresh snow --ar 16:9"
    id: str | None = None
    ref: str | None = None
    date_created: str | None = None  # ISO 8601; none means now
    outcome: Outcome = "completed"
    seconds: float = 0.0  # from now until it is finished; negative: it was over that long ago
    error: str = UNSPECIFIED
    started: bool = True  # False: fails without ever having been in progress
    reaches: int = LAST  # index into PROGRESS of the last report before the end
    waits_as: str = "pending"
    foreign: bool = False  # another user's, which nobody sees

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome {self.outcome!r} is none of {', '.join(OUTCOMES)}.")


@dataclass(frozen=True, kw_only=True)
class Image:
    """What is stored of an image; all that changes with time follows from `plan`."""

    id: str
    prompt: str
    ref: str | None
    user: str
    created: datetime
    date_created: str
    plan: Lifecycle

    def state(self, now: datetime) -> State:
        """Its state at that time."""
        return state(self.plan, (now - self.created).total_seconds())


def image_from(spec: Spec, *, now: datetime, new_id: Callable[[], str]) -> Image:
    """The image of a spec; a `date_created` that is no time is a ValueError."""
    created = now if spec.date_created is None else instant(spec.date_created)
    if created is None:
        raise ValueError(f"date_created {spec.date_created!r} is no ISO 8601 time.")
    ends = (now - created).total_seconds() + spec.seconds
    plan = Lifecycle(
        outcome=spec.outcome,
        starts=ends - RENDER_SECONDS,
        ends=ends,
        started=spec.started,
        reaches=spec.reaches,
        error=spec.error,
        waits_as=spec.waits_as,
    )
    return new_image(
        id=spec.id or new_id(),
        prompt=spec.prompt,
        ref=spec.ref,
        user=OTHER_USER if spec.foreign else OWN_USER,
        created=created,
        plan=plan,
    )


def new_image(
    *, id: str, prompt: str, ref: str | None, user: str, created: datetime, plan: Lifecycle
) -> Image:
    """An image whose time of creation has whole milliseconds, as the one that it shows."""
    exact = created.astimezone(timezone.utc)
    exact -= timedelta(microseconds=exact.microsecond % 1000)
    return Image(
        id=id, prompt=prompt, ref=ref, user=user, created=exact, date_created=iso(exact), plan=plan
    )


@dataclass(frozen=True)
class Picture:
    """One file of an image: a partial picture, the grid, or a quadrant."""

    image: Image
    name: str
    pixels: int

    @property
    def id(self) -> str:
        """The file's id: always the same, and in no order that means anything."""
        return file_id(self.image.id, self.name)

    def bytes(self, width: int | None = None, height: int | None = None) -> bytes:
        """A PNG; one given side makes a square of it, as all originals are square."""
        sides = (width or height or self.pixels, height or width or self.pixels)
        return picture(self.id, *sides)

    def exists(self, now: datetime) -> bool:
        """Whether the file is there yet; files are never removed."""
        current = self.image.state(now)
        number = self.name.removeprefix("partial-")
        if number == self.name:
            return current.pictures
        return current.pictures or (current.partial is not None and int(number) <= current.partial)


def files(image: Image) -> Iterator[Picture]:
    """Every file that an image will ever have."""
    for number in range(len(PROGRESS)):
        yield Picture(image, f"partial-{number}", QUADRANT_PIXELS)
    yield Picture(image, "grid", GRID_PIXELS)
    for number in range(QUADRANTS):
        yield Picture(image, f"quadrant-{number}", QUADRANT_PIXELS)


def file_id(image_id: str, name: str) -> str:
    """A uuid4-shaped id that follows from the image and the file's name."""
    digest = hashlib.sha256(f"{image_id} {name}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))
