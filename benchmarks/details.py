"""The details of 1,000 Abyssale designs, at 50 ms a request, under the ceiling of 10 a second.

`genai load abyssale` and a dependent resource of dlt's rest_api source, as its documentation shows
it, from a server that answers 429 to what is over the ceiling and notes each arrival. All of the
ceiling is used where 1,000 details take 100 seconds from the first arrival to the last.
"""

import bisect
import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

from benchmarks.design_server import CEILING, Arrivals, Workspace, serving
from benchmarks.measuring import GENAI, KEY, Line, Measured, home, process, script

DESIGNS, LATENCY = 1000, 0.05
DEPENDENT = 150  # designs that dlt's own resource is measured with; the rest is extrapolated
USED = 0.95  # of the ceiling, at least
OURS = (GENAI, "load", "abyssale", "--table", "designs", "--table", "design_detail")


def run() -> Iterator[Line]:
    """All lines of this part."""
    with serving(DESIGNS, LATENCY) as workspace, _home(workspace) as (folder, environment):
        ours = process(OURS, environment, folder)
        first = workspace.arrivals()
        again = process(OURS, environment, folder)
        second = workspace.arrivals()
        assert _rows(folder) == DESIGNS, f"{_rows(folder)} of {DESIGNS} details were loaded"
    with serving(DEPENDENT, LATENCY) as workspace, _home(workspace) as (folder, environment):
        other = process(script("details_dependent", workspace.url), environment, folder)
        others = workspace.arrivals()
        assert _rows(folder) == DEPENDENT
    yield _ceiling(first, others)
    yield _seconds(ours, first, other, others)
    yield Line(
        measure="the same designs again, unchanged",
        ours=f"{len(second.moments)} requests, {again.seconds:.1f} s",
        alternative=f"the first load: {len(first.moments)} requests, {ours.seconds:.0f} s",
        ratio=ours.seconds / again.seconds,
    )


def _home(workspace: Workspace) -> contextlib.AbstractContextManager[tuple[Path, dict[str, str]]]:
    section = "SOURCES__ABYSSALE_SOURCE__"
    return home(**{f"{section}API_KEY": KEY, f"{section}BASE_URL": workspace.url})


def _rows(folder: Path) -> int:
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute("SELECT count(*) FROM abyssale_data.design_detail").fetchone()
    return int(found[0]) if found else 0


def _used(arrivals: Arrivals) -> float:
    """The share of the ceiling that details took, from the first arrival to the last."""
    seconds = arrivals.details[-1] - arrivals.details[0]
    return len(arrivals.details) / CEILING / seconds


def _most(arrivals: Arrivals) -> int:
    """The most requests that arrived in any second."""
    moments = arrivals.moments
    return max(bisect.bisect_left(moments, first + 1) - at for at, first in enumerate(moments))


def _ceiling(ours: Arrivals, other: Arrivals) -> Line:
    used, most = _used(ours), _most(ours)
    return Line(
        measure=f"details of {DESIGNS:,} designs: use of the ceiling of {CEILING} a second",
        ours=f"{used:.2%}, at most {most} in any second, {ours.refused} refused",
        alternative=f"dlt's dependent resource: {_used(other):.1%}, {_told(other)}",
        ratio=used,
        target=f"at least {USED:.0%}, never over it",
        reached=used >= USED and most <= CEILING and not ours.refused,
        why="a place is free again one second after its answer, because only then has the request "
        "certainly arrived, however long it was on its way: in the long run that leaves "
        f"at most {1 / (1 + LATENCY):.1%} at {LATENCY * 1000:.0f} ms a request",
    )


def _told(other: Arrivals) -> str:
    """What the dependent resource sent, and how it fared."""
    return f"{other.refused} of {len(other.moments)} requests refused as over it"


def _seconds(ours: Measured, first: Arrivals, other: Measured, others: Arrivals) -> Line:
    """Both loads from their start to their end, dlt's extrapolated to as many designs."""
    asking = others.details[-1] - others.details[0]
    whole = other.seconds + asking * (DESIGNS / DEPENDENT - 1)
    return Line(
        measure=f"details of {DESIGNS:,} designs",
        ours=f"{ours}, {len(first.moments)} requests",
        alternative=f"dlt's dependent resource: {whole:.0f} s",
        ratio=whole / ours.seconds,
        why=f"dlt was measured with {DEPENDENT} designs ({other.seconds:.0f} s) and extrapolated; "
        "it asks for one after the other, twice as often as allowed, and then waits",
    )
