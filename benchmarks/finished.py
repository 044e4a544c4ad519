"""From finished to materialized, under a real `dagster dev` with the project's dagster.yaml.

One image finishes, then a thousand of yesterday and today at once; the seconds count from the
sensor's look to the materialization in the asset's history, which follows its rows in DuckDB. The
alternative is a run for each image: the same Dagster settings, dlt's REST source and one id, a few
runs measured and the rest reckoned from their pace. Files are archived by the same runs, after
their rows, and are not part of the figures.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import dagster as dg

from benchmarks import run_per_image
from benchmarks.dagster_dev import Dagster, running
from benchmarks.image_server import Images, Server, serving
from benchmarks.load import rows as count_rows
from benchmarks.measuring import Line, home
from genai_orchestration import warehouse
from genai_orchestration.orchestration.sensors.days import INTERVAL_SECONDS
from genai_orchestration.providers import provider_named
from genai_orchestration.settings import Settings

FINISHED = 1000  # images at once
ALONE = 2  # images that finish alone before that, each measured
WITHIN, ALONE_WITHIN = 15, 4  # seconds from the look to the rows
SENSOR = "imagine_api_images_sensor"
KEY = dg.AssetKey(["imagine_api", "images"])
PATIENCE = 120  # seconds
# what lies between two moments of a run
PARTS = {
    "looking and asking for the run": ("look", "enqueued"),
    "in the queue": ("enqueued", "dequeued"),
    "starting a process and importing": ("dequeued", "started"),
    "preparing the run": ("started", "step"),
    "loading": ("step", "rows"),
}


def run() -> Iterator[Line]:
    """All lines of this part."""
    with serving(_images()) as server:
        with home(server.url) as (folder, environment), running(folder, environment) as dagster:
            # the image that is finished from the start makes the tables
            dagster.until("a run is asked for", PATIENCE, lambda: dagster.asked(SENSOR))
            alone = [_finish(dagster, server, 1, days=1)[0] for _ in range(ALONE)]
            together = _finish(dagster, server, FINISHED, days=2)
            rows = _rows(Settings(home=folder))
            assert rows == 1 + ALONE + FINISHED, f"{rows} rows"
        each = _run_per_image(server)
    yield _together(together, each)
    yield _alone(alone, each)


def _images() -> Images:
    """Images of yesterday and today, evenly in time: a thousand of them are of both days."""
    now = datetime.now(timezone.utc)
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    total = 1 + ALONE + FINISHED
    days = (now - first) / timedelta(days=1)
    return Images(total=total, open_=total - 1, first=first, days=days)


Moments = dict[str, float]


def _finish(dagster: Dagster, server: Server, count: int, *, days: int) -> list[Moments]:
    """Complete images of that many days; the moments of the runs that bring their rows."""
    dagster.until("nothing is under way", PATIENCE, dagster.idle)
    known = set(dagster.asked(SENSOR))

    def loaded() -> dict[str, Moments]:
        runs = [run for run in dagster.asked(SENSOR) if run not in known]
        found = {run: dagster.moments(run, KEY) for run in runs}
        return found if len(found) >= days and all("rows" in m for m in found.values()) else {}

    completed = time.time()
    server.finish(count)
    found = dagster.until("the rows are there", PATIENCE, loaded)
    looks = {run: tick.began for tick in dagster.ticks(SENSOR) for run in tick.runs}
    return [{"completed": completed, "look": looks[run], **found[run]} for run in found]


def _rows(settings: Settings) -> int:
    sql = "SELECT count(*) FROM {images} WHERE state = 'SUCCEEDED'"
    found = warehouse.query(provider_named("imagine_api"), settings, sql)
    return int(found[0][0]) if found else 0


@dataclass(frozen=True)
class RunPerImage:
    """Runs of one image each: seconds from the look to the first rows, and from rows to rows."""

    first: float
    policy: float

    def of(self, images: int) -> float:
        """The seconds that so many images would take."""
        return self.first + (images - 1) * self.policy


def _run_per_image(server: Server) -> RunPerImage:
    """A few of them, from images that are finished."""
    sensor, few = run_per_image.SENSOR, run_per_image.FEW
    with (
        home(server.url) as (folder, environment),
        running(folder, environment, run_per_image.__name__) as dagster,
    ):
        dagster.until("runs are asked for", PATIENCE, lambda: len(dagster.asked(sensor)) == few)
        dagster.until("they are over", PATIENCE, dagster.idle)
        look = dagster.ticks(sensor)[-1].began
        runs = dagster.asked(sensor)
        rows = sorted(dagster.moments(run, run_per_image.KEY)["rows"] for run in runs)
        assert count_rows(folder) == few
    return RunPerImage(rows[0] - look, (rows[-1] - rows[0]) / (few - 1))


def _together(runs: Sequence[Moments], each: RunPerImage) -> Line:
    took = sorted(run["rows"] - run["look"] for run in runs)
    seconds, after = took[-1], " and ".join(f"{each:.1f} s" for each in took)
    alternative = each.of(FINISHED)
    return Line(
        measure=f"{FINISHED:,} images of two days finish at once",
        ours=f"{len(runs)} runs, {seconds:.1f} s",
        alternative=f"a run each: {FINISHED:,} runs, {alternative:,.0f} s",
        ratio=alternative / seconds,
        target=f"a run per day, under {WITHIN} s",
        reached=len(runs) <= 2 and seconds < WITHIN,
        why=(
            f"days load one after another, their rows were there after {after}; the alternative is "
            f"reckoned from {run_per_image.FEW} runs, of which one was through every "
            f"{each.policy:.1f} s"
        ),
    )


def _alone(runs: Sequence[Moments], each: RunPerImage) -> Line:
    run = min(runs, key=lambda one: one["rows"] - one["look"])
    seconds = run["rows"] - run["look"]
    parts = ", ".join(
        f"{what} {run[end] - run[begin]:.1f} s" for what, (begin, end) in PARTS.items()
    )
    waited = run["look"] - run["completed"]
    return Line(
        measure="one image finishes",
        ours=f"{seconds:.1f} s",
        alternative=f"its run alone: {each.first:.1f} s",
        ratio=each.first / seconds,
        target=f"under {ALONE_WITHIN} s from the tick",
        reached=seconds < ALONE_WITHIN,
        why=(
            f"{parts}; before that the image had waited {waited:.0f} s for the tick: the sensor "
            f"has one every {INTERVAL_SECONDS} s, and Dagster's daemon checks every 5 s"
        ),
    )
