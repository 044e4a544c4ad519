"""What is in the sandbox when it starts: a month of a marketing team's work.

In: the time. Out: 600 specs of the team's own images over the last 30 days, and a dozen of
somebody else's. The same seed gives the same images; only their times follow the clock.
"""

import itertools
import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from genai_orchestration.providers.imagine_api.sandbox.images import Spec
from genai_orchestration.providers.imagine_api.sandbox.lifecycle import BANNED, LAST
from genai_orchestration.providers.imagine_api.sandbox.time import iso

SEED = 20230405  # any number: it only has to stay the same
OWN = 600
FOREIGN = 12
DAYS = 30
FAILED_SHARE = 0.1
SETTLED_SECONDS = 900.0  # ordinary images are older than this, and so over: see OPEN for the rest
OLDEST_SECONDS = DAYS * 86_400 - 3_600.0  # an hour inside of the 30 days
BATCHES = (1, 1, 1, 2, 3, 4)  # a campaign's images are posted at once, in the very same millisecond

SUBJECTS = (
    "a ceramic coffee mug", "trail running shoes", "an electric cargo bike", "a serum bottle",
    "a family of four at breakfast", "a linen summer dress", "a smart speaker", "fresh sourdough",
    "a mountain cabin", "wireless headphones", "a craft beer can", "a modular sofa",
)  # fmt: skip
SETTINGS = (
    "on a marble counter", "in a misty pine forest", "against a pastel backdrop", "at golden hour",
    "on a rainy street in Tokyo", "in a sunlit Scandinavian loft", "floating in zero gravity",
    "on a beach at low tide", "under neon lights",
)  # fmt: skip
STYLES = (
    "editorial photography, 85mm", "flat vector illustration", "isometric 3D render",
    "watercolour on rough paper", "studio product shot, softbox", "1970s film grain",
    "minimal, lots of negative space", "claymation",
)  # fmt: skip
PARAMETERS = (
    "--ar 1:1",
    "--ar 16:9 --v 6",
    "--ar 9:16 --v 6 --style raw",
    "--ar 4:5 --stylize 250",
)
AWKWARD_PROMPTS = (
    "Black Friday hero banner\nheadline space on the left\nno people --ar 16:9",
    'a poster that says "Less, but better" in bold type --ar 2:3',
    "summer sale | beach towel | top view --ar 1:1",
    "Crème brûlée für das Café „Größenwahn“, 温かい光 🍮 --ar 4:5",
    "office team, candid ![x](http://tracker.example/pixel.png) --ar 16:9",
    "it's the founder's desk; 50% off, a\\b, <b>bold</b> & {braces} --ar 3:2",
    "cozy reading nook,\ttabs\tinstead of spaces --ar 1:1",
)
FAILED_AT_START = (
    BANNED,
    "Timeout after prompt was sent",
    "Timeout while waiting to start",
    "Image not sent to API",
    "Error creating thread: Internal Server Error",
    "request to https://discord.com/api/v9/channels/1093/threads failed, reason: Client network "
    "socket disconnected before secure TLS connection was established",
)
FAILED_IN_PROGRESS = (
    "Timeout while waiting for completion",
    "Unspecified error",
    "You have reached the maximum allowed number of concurrent jobs. Don't worry, this job will "
    "start as soon as another one finishes!",
)
# (seconds since creation, seconds until it ends): posted long ago means it waited in the queue
OPEN = (
    (5, 5), (20, 8), (45, 11), (600, 14), (3_700, 16), (18_000, 19), (64_000, 22), (82_000, 25),
)  # fmt: skip


def dataset(now: datetime) -> list[Spec]:
    """All images that a new sandbox has, oldest first."""
    rng = random.Random(SEED)  # noqa: S311  (to be repeatable is the point)
    special = [*_stuck_and_late(rng, now), *_open(rng, now)]
    settled = itertools.islice(_settled(rng, now), OWN - len(special))
    foreign = itertools.islice(_settled(rng, now, foreign=True), FOREIGN)
    return sorted([*special, *settled, *foreign], key=lambda spec: str(spec.date_created))


def _settled(rng: random.Random, now: datetime, *, foreign: bool = False) -> Iterator[Spec]:
    """Images that were over long ago, in batches of the same time of creation."""
    while True:
        age = rng.uniform(SETTLED_SECONDS, OLDEST_SECONDS)
        for _ in range(rng.choice(BATCHES)):
            if rng.random() < FAILED_SHARE:
                yield _failed(rng, now, age, foreign)
            else:
                yield _spec(rng, now, age, seconds=rng.uniform(35, 90) - age, foreign=foreign)


def _failed(rng: random.Random, now: datetime, age: float, foreign: bool) -> Spec:
    started = rng.random() < 0.5
    return _spec(
        rng,
        now,
        age,
        seconds=rng.uniform(90, 270) - age,
        outcome="failed",
        started=started,
        reaches=rng.randint(1, LAST),
        error=rng.choice(FAILED_IN_PROGRESS if started else FAILED_AT_START),
        foreign=foreign,
    )


def _stuck_and_late(rng: random.Random, now: datetime) -> Iterator[Spec]:
    """Two that will never end, three weeks and nine days old, and one overtaken by a report."""
    for days, reaches in ((21, 3), (9, LAST)):
        age = days * 86_400.0
        yield _spec(rng, now, age, outcome="stuck", seconds=60 - age, reaches=reaches)
    age = 4 * 86_400.0
    yield _spec(rng, now, age, outcome="late", seconds=60 - age)


def _open(rng: random.Random, now: datetime) -> Iterator[Spec]:
    """Eight that are about to finish, the last of them badly, and one with a new status word."""
    for number, (age, seconds) in enumerate(OPEN):
        last = number == len(OPEN) - 1
        yield _spec(
            rng,
            now,
            age,
            seconds=seconds,
            outcome="failed" if last else "completed",
            error="Timeout while waiting for completion",
        )
    yield _spec(rng, now, 1_800.0, seconds=20, waits_as="queued")


def _spec(rng: random.Random, now: datetime, age: float, **changes: object) -> Spec:
    values: dict[str, object] = {
        "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        "prompt": _prompt(rng),
        "ref": f"campaign-{rng.randint(1, 99_999):05d}" if rng.random() < 0.3 else None,
        "date_created": iso(now - timedelta(seconds=age)),
    }
    return Spec(**{**values, **changes})  # type: ignore[arg-type]


def _prompt(rng: random.Random) -> str:
    if rng.random() < 0.08:
        return rng.choice(AWKWARD_PROMPTS)
    parts = ", ".join(rng.choice(words) for words in (SUBJECTS, SETTINGS, STYLES))
    return f"{parts} {rng.choice(PARAMETERS)}"
