"""History into DuckDB, from a server that is not the bottleneck, with 0 and 50 ms a request.

Each variant is a process of its own, started with an empty folder: the seconds include Python's
start and all imports, the megabytes are the peak of that process. The seed's script has a paginator
and nothing else added; `read_json` is DuckDB reading the same pages without any pipeline. Ours
merges on the id, and makes the table of all generations as well.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import duckdb

from benchmarks.image_server import DAYS, FIRST, Images, serving
from benchmarks.measuring import GENAI, Line, Measured, home, process, script

SMALL, LARGE = 100_000, 1_000_000
LATENCY = 0.05
TIMES, TIMES_SLOW = 30, 15  # the seed's records per second, without latency and with it
RUN = 1.3  # a Dagster materialization beside a load and a run that does nothing
PEAK, GROWTH = 600, 1.3  # megabytes at a million records, and beside a hundred thousand
FROM, TO = FIRST.date(), FIRST.date() + timedelta(days=DAYS)
READ_JSON = (
    "read_json parses in C++ and writes each record once, into one column of nested values; it "
    "does not merge, and a second run begins at zero. Ours makes Python objects, Parquet, a "
    "staging table and the table."
)
OURS = (GENAI, "load", "imagine_api", "--from", str(FROM), "--to", str(TO))


def run() -> Iterator[Line]:
    """All lines of this part."""
    with serving(Images(total=SMALL)) as server:
        small = _best(OURS, server.url, SMALL)
        seed = _run(script("seed", server.url), server.url, SMALL)
        start = _start(server.url)
        yield _times("100,000 records", small, seed, why=_where(server.url, start, small, seed))
        parquet = _run(script("seed_parquet", server.url), server.url, SMALL)
        yield _beside("100,000 records, the seed's script with Parquet", small, parquet)
        plain = _best(script("read_json", server.url), server.url, SMALL)
        why = f"{start:.1f} s of ours are Python's start and imports. {READ_JSON}"
        yield _beside("100,000 records, read_json", small, plain, target="faster", why=why)
        yield _dagster(server.url, small)
    with serving(Images(total=SMALL, latency=LATENCY)) as server:
        slow = _best(OURS, server.url, SMALL)
        seed = _run(script("seed", server.url), server.url, SMALL)
        yield _times("100,000 records, 50 ms a request", slow, seed, target=TIMES_SLOW)
    with serving(Images(total=LARGE)) as server:
        large = _run(OURS, server.url, LARGE)
        plain = _run(script("read_json", server.url), server.url, LARGE)
        yield _beside("1,000,000 records, read_json", large, plain, target="faster", why=READ_JSON)
        yield _peak(small, large)


def _run(command: Sequence[str], url: str, total: int) -> Measured:
    """Run a variant in an empty folder; all records have to be there afterwards."""
    with home(url) as (folder, environment):
        measured = process(command, environment, folder)
        assert rows(folder) == total, f"{' '.join(command)} lost some: {rows(folder):,}"
    return measured


def _best(command: Sequence[str], url: str, total: int) -> Measured:
    return min((_run(command, url, total) for _ in range(2)), key=lambda one: one.seconds)


def rows(folder: Path) -> int:
    """The images in the warehouse of a variant."""
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute("SELECT count(*) FROM imagine_api_data.images").fetchone()
    return int(found[0]) if found else 0


def _start(url: str) -> float:
    """The seconds that Python's start and all imports take."""
    with home(url) as (folder, environment):
        return process(script("imports"), environment, folder).seconds


def _where(url: str, start: float, ours: Measured, seed: Measured) -> str:
    """Where ours spends its time, and what the seed's script does not do."""
    alone = _best(script("load_alone", str(FROM), str(TO)), url, SMALL).seconds
    appending = _best(script("load_appending", str(FROM), str(TO)), url, SMALL).seconds
    return (
        f"{start:.1f} s are Python's start and imports, and {ours.seconds - alone:.1f} s make "
        "genai.generations, which the seed's script does not have; without both it is "
        f"{(seed.seconds - start) / (alone - start):.0f} times. Merging on the id takes "
        f"{alone - appending:.1f} s, as dlt does it by way of a staging table; the seed's script "
        "appends, so that twice is double. What is left, reading the API and dlt's append, is "
        f"{appending:.1f} s: {seed.seconds / appending:.0f} times."
    )


def _times(
    measure: str, ours: Measured, seed: Measured, target: int = TIMES, why: str = ""
) -> Line:
    ratio = seed.seconds / ours.seconds
    return Line(
        measure=measure,
        ours=str(ours),
        alternative=f"the seed's script: {seed}",
        ratio=ratio,
        target=f"{target} times",
        reached=ratio >= target,
        why=why,
    )


def _beside(measure: str, ours: Measured, other: Measured, target: str = "", why: str = "") -> Line:
    ratio = other.seconds / ours.seconds
    return Line(
        measure=measure,
        ours=str(ours),
        alternative=str(other),
        ratio=ratio,
        target=target,
        reached=ratio > 1 if target else None,
        why=why,
    )


def _dagster(url: str, load: Measured) -> Line:
    """A materialization of all days beside a load and an empty run."""
    with home(url) as (folder, environment):
        nothing = process(
            script("dagster_nothing"), {**environment, "DAGSTER_HOME": str(folder)}, folder
        )
        materialized = process([GENAI, "backfill", *OURS[2:]], environment, folder)
        assert rows(folder) == SMALL
    ratio = materialized.seconds / (load.seconds + nothing.seconds)
    return Line(
        measure="100,000 records of 90 days as one Dagster run",
        ours=str(materialized),
        alternative=f"genai load {load.seconds:.1f} s + an empty run {nothing.seconds:.1f} s",
        ratio=ratio,
        target=f"at most {RUN}",
        reached=ratio <= RUN,
    )


def _peak(small: Measured, large: Measured) -> Line:
    growth = large.megabytes / small.megabytes
    return Line(
        measure="peak memory at 1,000,000 records",
        ours=f"{large.megabytes:,.0f} MB",
        alternative=f"at 100,000: {small.megabytes:,.0f} MB",
        ratio=growth,
        target=f"under {PEAK} MB, at most {GROWTH}",
        reached=large.megabytes < PEAK and growth <= GROWTH,
        why="a portion is about one row group of DuckDB's, which it holds uncompressed until it is "
        "written. Smaller portions would take more: DuckDB rewrites half-filled groups together. "
        "pandas, which pyarrow imports where it is installed, is some of it.",
    )
