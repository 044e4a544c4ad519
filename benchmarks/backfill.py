"""A year of days as one Dagster backfill: 365 days of 300 images, in one run.

`genai backfill` is the run that a backfill of a range makes, with each day's event, facts and the
check against the API; `genai load` loads the same records without Dagster. Both are processes from
their start to their end. Then a backfill of 1,000 images a day is killed in the middle and launched
again: the requests that the server answers tell what was read twice.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import dagster as dg

from benchmarks.image_server import Images, Server, serving
from benchmarks.load import rows
from benchmarks.measuring import GENAI, Line, home, process, script

DAYS, PER_DAY = 365, 300
MANY = 1_000  # images a day of the one that is killed: several portions
SLOWER = 1.5  # than a plain load


def run() -> Iterator[Line]:
    """All lines of this part."""
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=DAYS)
    window = ("imagine_api", "--from", str(first.date()), "--to", str(today.date()))
    with serving(Images(total=DAYS * PER_DAY, first=first, days=DAYS)) as server:
        yield _beside_a_load(server, window)
    with serving(Images(total=DAYS * MANY, first=first, days=DAYS)) as server:
        yield _interrupted(server, window)


def _beside_a_load(server: Server, window: tuple[str, ...]) -> Line:
    backfilled, loaded = [], []
    runs = 0
    for _ in range(2):
        with home(server.url) as (folder, environment):
            backfilled.append(process([GENAI, "backfill", *window], environment, folder))
            assert rows(folder) == DAYS * PER_DAY
            runs = _runs(folder)
        with home(server.url) as (folder, environment):
            loaded.append(process([GENAI, "load", *window], environment, folder))
    with home() as (folder, environment):
        instance = {**environment, "DAGSTER_HOME": str(folder)}
        nothing = process(script("dagster_days", str(DAYS)), instance, folder)
    ours, other = (min(each, key=lambda one: one.seconds) for each in (backfilled, loaded))
    ratio = ours.seconds / other.seconds
    return Line(
        measure=f"{DAYS} days x {PER_DAY} images: one backfill",
        ours=f"{ours}, {runs} run",
        alternative=f"genai load: {other}",
        ratio=ratio,
        target=f"one run, at most {SLOWER}",
        reached=ratio <= SLOWER and runs == 1,
        why=(
            f"a Dagster run over {DAYS} days that loads nothing takes {nothing.seconds:.1f} s: two "
            "events a day, which its SQLite storage writes one by one."
        ),
    )


def _interrupted(server: Server, window: tuple[str, ...]) -> Line:
    """Kill it once some days are materialized, launch it again, and count requests."""
    with home(server.url) as (folder, environment):
        server.requests()
        process([GENAI, "load", *window], environment, folder)
        whole = server.requests()
    with home(server.url) as (folder, environment):
        command = [GENAI, "backfill", *window]
        child = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while len(_materialized(folder)) < DAYS / 3 and child.poll() is None:
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
        child.wait()
        done = len(_materialized(folder))
        assert 0 < done < DAYS, f"{done} of {DAYS} days were materialized when it was killed"
        server.requests()
        process(command, environment, folder)
        again = server.requests()
        assert rows(folder) == DAYS * MANY
        assert len(_materialized(folder)) == DAYS
    ratio = again / whole
    left = 1 - done / DAYS
    return Line(
        measure=f"{DAYS} days x {MANY:,} images, killed and launched again",
        ours=f"{again} requests for the {DAYS - done} days left",
        alternative=f"all of it: {whole} requests",
        ratio=ratio,
        target="no finished day again",
        reached=ratio <= left + 0.05,
        why=f"{done} days were finished when it was killed; the ratio is that of requests.",
    )


def _runs(folder: Path) -> int:
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        return instance.get_runs_count()


def _materialized(folder: Path) -> set[date]:
    """The days that Dagster knows as materialized."""
    home_of_dagster = folder / "dagster"
    if not (home_of_dagster / "dagster.yaml").exists():
        return set()
    with dg.DagsterInstance.from_config(str(home_of_dagster)) as instance:
        days = instance.get_materialized_partitions(dg.AssetKey(["imagine_api", "images"]))
    return {date.fromisoformat(day) for day in days}
