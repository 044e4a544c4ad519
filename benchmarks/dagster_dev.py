"""`dagster dev` as the benchmarks run it, and what its instance tells afterwards.

environment ─► dagster dev, with the project's dagster.yaml ─► ticks, runs, events ─► moments
"""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import dagster as dg

from genai_orchestration.dev import start as dev
from genai_orchestration.orchestration.instance import SETTINGS_FILE, home_of
from genai_orchestration.orchestration.runs.outcomes import SENSOR
from genai_orchestration.settings import Settings

LOOK = 0.25  # seconds between two looks at the instance: a small read of its SQLite files
BROKEN = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
OPEN = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
# the moments of a run, in their order, by Dagster's own names
MOMENTS = {
    dg.DagsterEventType.PIPELINE_ENQUEUED: "enqueued",
    dg.DagsterEventType.PIPELINE_STARTING: "dequeued",
    dg.DagsterEventType.PIPELINE_START: "started",
    dg.DagsterEventType.STEP_START: "step",
    dg.DagsterEventType.ASSET_MATERIALIZATION: "rows",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Tick:
    """A look of a sensor: when it began, what it said, which runs it asked for."""

    began: float  # seconds since 1970, as all moments here
    said: str
    runs: Sequence[str]


@dataclass(frozen=True)
class Dagster:
    """A running `dagster dev`, read through its instance."""

    instance: dg.DagsterInstance

    def until(self, what: str, seconds: float, condition: Callable[[], T]) -> T:
        """The first truthy value of `condition()`; a broken run ends the benchmark."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if broken := self.instance.get_runs(dg.RunsFilter(statuses=BROKEN), limit=1):
                raise SystemExit(f"A run of the benchmark broke: {broken[0]}")
            if value := condition():
                return value
            time.sleep(LOOK)
        raise SystemExit(f"Not within {seconds:g} s: {what}.")

    def idle(self) -> bool:
        """Whether no run is under way."""
        return not self.instance.get_runs(dg.RunsFilter(statuses=OPEN), limit=1)

    def asked(self, sensor: str) -> list[str]:
        """The runs that a sensor has asked for, newest first."""
        found = self.instance.get_runs(dg.RunsFilter(tags={SENSOR: sensor}))
        return [run.run_id for run in found]

    def ticks(self, sensor: str) -> list[Tick]:
        """The looks of a sensor that are over, newest first."""
        return [
            Tick(tick.timestamp, tick.skip_reason or "", tick.run_ids)
            for state in self.instance.all_instigator_state()
            if state.name == sensor
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id)
            if tick.is_completed
        ]

    def moments(self, run: str, asset: dg.AssetKey) -> dict[str, float]:
        """When a run got how far, up to the materialization of that asset."""
        found: dict[str, float] = {}
        for record in self.instance.get_records_for_run(run, of_type=set(MOMENTS)).records:
            event = record.event_log_entry.dagster_event
            if event and event.asset_key in (None, asset):
                found.setdefault(MOMENTS[event.event_type], record.timestamp)
        return found


@contextlib.contextmanager
def running(
    folder: Path,
    environment: Mapping[str, str],
    module: str = "genai_orchestration.definitions",
    settings: str | None = None,
) -> Iterator[Dagster]:
    """`dagster dev` over a module; `settings` are dagster.yaml's text, by default the project's.

    It works in that folder: what is configured in this project's own is not seen.
    """
    home = home_of(Settings(home=folder))
    if settings is not None:
        (home / SETTINGS_FILE).write_text(settings)
    environment = {**environment, "DAGSTER_HOME": str(home)}
    with (
        dev.serving(module, free_port(), environment, folder=folder),
        dg.DagsterInstance.from_config(str(home)) as instance,
    ):
        yield Dagster(instance)


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
