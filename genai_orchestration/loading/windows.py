"""A range of days in windows: each is a load package of its own, however long the range is.

    window ─► counted ─► too many for one package ─► parts, counted ─► … ─► oldest first

Memory, disk and what an interruption costs are those of a portion. Counting is two small requests.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from genai_orchestration.providers.base import Counts, DayCounter, Provider, Table
from genai_orchestration.providers.http import LOAD_POLICY

# Jobs in a package; of 1.5 KB each, they take some 600 MB at the load step's peak. As many rows are
# a row group of DuckDB's, which rewrites neighbours that would fit into fewer groups: a portion
# that nearly fills one is written once, and takes no more memory in a large table.
ROWS_PER_WINDOW = 122_880
DAY = timedelta(days=1)
FILLED = 0.9  # of that, for days of unequal size


@dataclass(frozen=True)
class LoadWindow:
    """Days to load together, and what the API has counted in them just before."""

    start: date  # inclusive
    end: date  # exclusive
    counts: Counts | None = None  # None where the provider cannot be counted


def load_windows(provider: Provider, start: date, end: date) -> Iterator[LoadWindow]:
    """The days from `start` to before `end`; a portion is counted when it is its turn."""
    if provider.day_watch is None:
        yield LoadWindow(start, end)
    else:
        yield from _parts(provider.day_watch.connect(LOAD_POLICY), start, end)


def countable(provider: Provider, table: Table) -> bool:
    """Whether the provider can count the jobs of the table, and not only list them."""
    return provider.day_watch is not None and provider.day_watch.table == table.name


def counted(provider: Provider, start: date, end: date) -> LoadWindow:
    """The days as one portion, however many jobs they have, counted now."""
    watch = provider.day_watch
    return LoadWindow(start, end, watch.connect(LOAD_POLICY).counts(start, end) if watch else None)


def open_jobs(provider: Provider, portion: LoadWindow) -> Mapping[date, int]:
    """How many jobs of each day the provider has not finished; days without one are left out.

    A single day was counted with its portion; of more days, those with open jobs are counted.
    """
    if portion.counts is None or provider.day_watch is None or not portion.counts.unfinished:
        return {}
    if portion.end - portion.start == DAY:
        return {portion.start: portion.counts.unfinished}
    counter = provider.day_watch.connect(LOAD_POLICY)
    days = counter.unfinished_days(portion.start, portion.end)
    return {day: counter.counts(day, day + DAY).unfinished for day in days}


def _parts(counter: DayCounter, start: date, end: date) -> Iterator[LoadWindow]:
    counts = counter.counts(start, end)
    jobs, days = counts.finished + counts.unfinished, (end - start).days
    if days <= 1 or jobs <= ROWS_PER_WINDOW:
        yield LoadWindow(start, end, counts)
        return
    parts = min(days, math.ceil(jobs / (ROWS_PER_WINDOW * FILLED)))
    borders = [start + timedelta(days=days * number // parts) for number in range(parts + 1)]
    for first, last in itertools.pairwise(borders):
        yield from _parts(counter, first, last)
