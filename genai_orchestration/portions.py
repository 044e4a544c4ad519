"""A window of days in portions: each is a load package of its own, whatever the window's length.

    window ─► counted ─► too many for one package ─► two halves, counted ─► … ─► oldest first

Memory, disk and what an interruption costs are those of a portion. Counting is two small requests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from genai_orchestration.providers.base import Counts, DayCounter, Provider
from genai_orchestration.providers.http import PATIENT

MOST = 100_000  # jobs in a package: of 1.5 KB each, they take some 600 MB at the load step's peak


@dataclass(frozen=True)
class Portion:
    """Days to load together, and what the API has counted in them just before."""

    start: date  # inclusive
    end: date  # exclusive
    counts: Counts | None = None  # None where the provider cannot be counted


def portions(provider: Provider, start: date, end: date) -> Iterator[Portion]:
    """The days from `start` to before `end`; a portion is counted when it is its turn."""
    if provider.day_watch is None:
        yield Portion(start, end)
    else:
        yield from _halved(provider.day_watch.connect(PATIENT), start, end)


def _halved(counter: DayCounter, start: date, end: date) -> Iterator[Portion]:
    counts = counter.counts(start, end)
    days = (end - start).days
    if days <= 1 or counts.finished + counts.unfinished <= MOST:
        yield Portion(start, end, counts)
        return
    middle = start + (end - start) // 2
    yield from _halved(counter, start, middle)
    yield from _halved(counter, middle, end)
