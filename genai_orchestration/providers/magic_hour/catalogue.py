"""The dated catalogue models.csv: models, their limits and prices, from the vendor's SDK and docs.

Magic Hour lists no models over its API. A price is in credits, the lowest that is published ("from
5 credits/image"): it rises with the resolution by factors that nobody publishes.
"""

import csv
import functools
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CATALOGUE = "models.csv"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A model (or an upscaler's mode and factor), as far as it is published; () is unknown."""

    credits: int | None  # of one image, at the lowest resolution
    image_counts: tuple[int, ...]
    resolutions: tuple[str, ...]


def catalogue() -> list[dict[str, Any]]:
    """The shipped catalogue of models, a row per model and option."""
    text = importlib.resources.files(__package__).joinpath(CATALOGUE).read_text(encoding="utf-8")
    return [
        {
            **row,
            "credits": int(row["credits"]) if row["credits"] else None,
            "image_counts": [int(count) for count in row["image_counts"].split()] or None,
            "resolutions": row["resolutions"].split() or None,
            "answered_by": CATALOGUE,
        }
        for row in csv.DictReader(text.splitlines())
    ]


@functools.cache
def options(operation: str) -> Mapping[tuple[str, str], Listed]:
    """What is listed of an operation, by model and option: ("nano-banana", "per image")."""
    return {
        (row["model"], row["option"]): Listed(
            credits=row["credits"],
            image_counts=tuple(row["image_counts"] or ()),
            resolutions=tuple(row["resolutions"] or ()),
        )
        for row in catalogue()
        if row["operation"] == operation
    }
