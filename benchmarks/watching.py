"""Open images followed by counting, and Magic Hour jobs followed by id.

A tick is the sensor itself, evaluated on a Dagster instance (SQLite) in one process: the first
ticks ask for the runs of two days, which are noted as done, and then the steady ones are measured.
A million images lie behind those that are open; each answer takes 50 ms.

The jobs run in simulated time: half of them take 5 s and half 22 s in the median, as Magic Hour
publishes, and a tenth takes over twice that (assumed). The SDK's polls are those of its own loop.
"""

import statistics
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import dagster as dg
import orjson
import requests

from benchmarks import following
from benchmarks.image_server import NAMESPACE, Images, Server, serving
from benchmarks.measuring import KEY, Line, at_home
from genai_orchestration.definitions import defs
from genai_orchestration.orchestration.runs.outcomes import RUN_KEY, SENSOR

TOTAL, DAYS = 1_000_000, 90
OPEN = (10_000, 1_000, 10)  # of them; the newest ones, so in two days at most
LATENCY = 0.05
QUICKEST, CURSOR = 0.3, 1000  # seconds of a tick, bytes of its cursor
TICKS = 5
ONE_BY_ONE = 100  # GETs that are measured; more are extrapolated
IDS = 100  # in a filter: more do not fit into every server's longest address


def run() -> Iterator[Line]:
    """All lines of this part."""
    first = datetime.now(timezone.utc) - timedelta(days=DAYS)
    images = Images(total=TOTAL, first=first, days=DAYS, open_=OPEN[0], latency=LATENCY)
    with serving(images) as server:
        lines = list(_images(server))
    yield from reversed(lines)
    yield from following.run()


@dataclass
class Sensor:
    """Evaluates the images' sensor, and keeps its cursor, as Dagster's daemon does."""

    instance: dg.DagsterInstance
    name: str = "imagine_api_images_sensor"
    cursor: str = ""
    definitions: dg.Definitions = field(default_factory=defs)

    def tick(self) -> tuple[float, bool]:
        """One tick: its seconds, and whether it asked for nothing; what it asked for is done."""
        sensor = self.definitions.resolve_sensor_def(self.name)
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, definitions=self.definitions
        )
        started = time.perf_counter()
        ticked = sensor.evaluate_tick(context)
        seconds = time.perf_counter() - started
        assert ticked.cursor, ticked.skip_message
        self.cursor = ticked.cursor
        for request in ticked.run_requests or ():
            self.instance.create_run_for_job(
                self.definitions.resolve_job_def("imagine_api_load"),
                tags={RUN_KEY: request.run_key or "", SENSOR: self.name},
                status=dg.DagsterRunStatus.SUCCESS,
            )
        return seconds, not ticked.run_requests

    def settle(self) -> None:
        """Tick until nothing is asked for any more."""
        assert any(self.tick()[1] for _ in range(10)), "the sensor does not come to rest"
        self.tick()  # which notes that the last runs have succeeded


def _images(server: Server) -> Iterator[Line]:
    """A line for each number of open images, the most first: images are finished in between."""
    still, few = OPEN[0], 0.0
    with at_home(server.url) as folder, dg.DagsterInstance.local_temp(str(folder)) as instance:
        sensor = Sensor(instance)
        for number in OPEN:
            server.finish(still - number)
            still = number
            sensor.settle()
            server.requests()
            seconds = statistics.median(sensor.tick()[0] for _ in range(TICKS))
            asked = server.requests() / TICKS
            few = few or asked
            yield _tick(server, number, seconds, asked, len(sensor.cursor), few)


def _tick(
    server: Server, number: int, seconds: float, asked: float, cursor: int, few: float
) -> Line:
    batches = _batches(server, number)
    measured = min(number, ONE_BY_ONE)
    one_by_one = _one_by_one(server, measured) * number / measured
    how = f" ({measured} measured)" if measured < number else ""
    return Line(
        measure=f"a tick with {number:,} open images among {TOTAL:,}",
        ours=f"{asked:g} requests, {seconds:.2f} s, cursor {cursor} B",
        alternative=f"{IDS} ids in a filter: {-(-number // IDS)} requests, {batches:.2f} s; "
        f"one GET each: {number:,}, {one_by_one:,.1f} s{how}",
        ratio=batches / seconds,
        target=f"under {QUICKEST} s, the same few requests, cursor under 1 KB",
        reached=seconds < QUICKEST and asked == few and cursor < CURSOR,
    )


def _ids(number: int) -> list[str]:
    """The newest images, as far as they are open."""
    return [str(uuid.UUID(int=NAMESPACE + TOTAL - place)) for place in range(1, number + 1)]


def _session() -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {KEY}"
    return session


def _batches(server: Server, number: int) -> float:
    """Seconds that it takes to ask for the open images, some ids in a filter."""
    session, ids, found = _session(), _ids(number), 0
    started = time.perf_counter()
    for first in range(0, number, IDS):
        chosen = ids[first : first + IDS]
        query = {"fields": "id,status", "limit": str(IDS), "filter": _filter(chosen)}
        found += len(session.get(f"{server.url}/items/images", params=query).json()["data"])
    assert found == number
    return time.perf_counter() - started


def _filter(ids: list[str]) -> str:
    return orjson.dumps({"id": {"_in": ids}}).decode()


def _one_by_one(server: Server, number: int) -> float:
    """Seconds that it takes to ask for so many images, each by itself."""
    session, ids = _session(), _ids(number)
    started = time.perf_counter()
    for each in ids:
        answer = session.get(f"{server.url}/items/images/{each}", params={"fields": "id,status"})
        assert answer.json()["data"]["status"] == "in-progress"
    return time.perf_counter() - started
