"""The images that the list and filter tests of the contract read."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from genai_orchestration.providers.imagine_api.sandbox.time import iso
from genai_orchestration_tests.providers.imagine_api.contract.server import Image

OWN = 230  # more than two pages of the default size
FOREIGN = 5
FIRST = datetime(2024, 3, 1, 9, 30, 15, 411_000, tzinfo=timezone.utc)
STEP = timedelta(hours=7, milliseconds=13)
TOGETHER = 3  # images of the very same millisecond


# what becomes of every twentieth image; the others are completed
OTHERS = {
    1: Image(status="pending"),
    2: Image(status="queued"),
    3: Image(status="in-progress", progress=31),
    4: Image(status="in-progress", progress=93, overtaken=True),
    5: Image(status="failed"),
    6: Image(status="failed", progress=93),
}


def image(number: int) -> Image:
    """Most are completed; every other status is there as well."""
    return replace(
        OTHERS.get(number % 20, Image()),
        prompt=f"a fox, number {number}",
        ref=f"campaign-{number}" if number % 3 == 0 else None,
        date_created=iso(FIRST + STEP * (number // TOGETHER)),
    )


IMAGES = [
    *(image(number) for number in range(OWN)),
    *(Image(foreign=True, date_created=iso(FIRST)) for _ in range(FOREIGN)),
]


def having(*statuses: str) -> int:
    """How many own images have one of these statuses."""
    return sum(image.status in statuses for image in IMAGES[:OWN])
