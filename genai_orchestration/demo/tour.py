"""The tour: every load, the paid requests, and the sensors until nothing is open any more."""

import dataclasses
import time
from collections.abc import Sequence

import dagster as dg
from rich.console import Console
from rich.table import Table as Grid

from genai_orchestration import warehouse
from genai_orchestration.demo.stage import DemoFailed, history
from genai_orchestration.ledger import Ledger
from genai_orchestration.loading.generations import OWN
from genai_orchestration.orchestration.assets.generations import JOB as GENERATIONS_JOB
from genai_orchestration.orchestration.assets.partitions import range_tags
from genai_orchestration.orchestration.runs.in_process import run_in_process
from genai_orchestration.orchestration.runs.outcomes import RUN_KEY, SENSOR
from genai_orchestration.orchestration.sensors.files import files_sensor_name
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import OPEN, TERMINAL
from genai_orchestration.settings import Settings

TICK_SECONDS = 3.0  # between two ticks of a sensor
TOUR_TIMEOUT_SECONDS = 120.0  # seconds until the tour gives up on what is open

console = Console(highlight=False)


@dataclasses.dataclass
class Tour:
    """What the tour has at hand, and the seconds that each provider took."""

    settings: Settings
    instance: dg.DagsterInstance
    definitions: dg.Definitions
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)

    def load(self, provider: Provider) -> None:
        """Run the provider's load job over its whole history."""
        with console.status(f"Loading {provider.title} ..."):
            started = time.monotonic()
            tags = range_tags(*history()) if provider.start else {}
            run_in_process(self.definitions, self.instance, f"{provider.name}_load", tags=tags)
            self.seconds[provider.name] = time.monotonic() - started
        console.print(f"Loaded {provider.title} in {self.seconds[provider.name]:.1f} s.")

    def submit(self, provider: Provider) -> None:
        """Run the provider's job that submits what is approved."""
        with console.status(f"Submitting to {provider.title} ..."):
            run_in_process(self.definitions, self.instance, f"{provider.name}_requests")
        console.print(f"Submitted the paid requests to {provider.title}'s sandbox.")

    def watch(self, sandbox: Sandbox) -> list[str]:
        """Let the sensors do their work until only stuck images are open; their ids."""
        stuck = sorted(sandbox.providers["imagine_api"].never_ending())
        for provider in all_providers():
            sensors = [kind.sensor for kind in provider.job_kinds]
            if provider.day_watch:
                sensors.append(provider.day_watch.sensor)
            if provider.archive:
                sensors.append(files_sensor_name(provider))
            for sensor in filter(None, sensors):
                self._work(sensor, provider, stuck)
        return stuck

    def _work(self, name: str, provider: Provider, stuck: list[str]) -> None:
        """Do what Dagster's daemon does for a sensor, until there is nothing left to do."""
        sensor = self.definitions.resolve_sensor_def(name)
        cursor: str | None = None
        deadline = time.monotonic() + TOUR_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            context = dg.build_sensor_context(
                instance=self.instance, cursor=cursor, definitions=self.definitions
            )
            result = sensor.evaluate_tick(context)
            cursor = result.cursor or cursor
            for request in result.run_requests or []:
                console.print(f"{name} asks for {request.partition_key or 'a load'}.")
                self._answer(request, name, provider)
            if not result.run_requests:
                console.print(f"{name}: {result.skip_message}")
                if self._over(provider, stuck):
                    return
                time.sleep(TICK_SECONDS)
        raise DemoFailed(
            f"{name} has not ended after {TOUR_TIMEOUT_SECONDS:g} s: run the demo again."
        )

    def _over(self, provider: Provider, stuck: list[str]) -> bool:
        """Whether no paid job is open, and no image but the stuck ones."""
        with Ledger.open(self.settings) as ledger:
            if ledger.jobs(provider=provider.name, states=OPEN, limit=1):
                return False
        return not provider.day_watch or _open_images(self.settings) == stuck

    def _answer(self, request: dg.RunRequest, sensor: str, provider: Provider) -> None:
        started = time.monotonic()
        run_in_process(
            self.definitions,
            self.instance,
            f"{provider.name}_load",
            partition_key=request.partition_key,
            run_config=request.run_config,
            asset_selection=request.asset_selection,
            tags={**request.tags, RUN_KEY: request.run_key or "", SENSOR: sensor},
        )
        self.seconds[provider.name] += time.monotonic() - started

    def gather(self) -> None:
        """Make the table of all generations, as its own sensor would by now."""
        with console.status("Gathering all generations ..."):
            started = time.monotonic()
            run_in_process(self.definitions, self.instance, GENERATIONS_JOB)
            self.seconds[OWN.name] = time.monotonic() - started

    def show(self, stuck: list[str], seconds: float) -> None:
        """The table of what was loaded, what is stuck, and where to go on."""
        grid = Grid("provider", "table", "rows", "seconds")
        grid.columns[2].justify = grid.columns[3].justify = "right"
        for provider in all_providers():
            operations = [operation.name for operation in provider.operations]
            self._count(grid, provider, operations)
        self._count(grid, OWN, [])
        console.print(grid)
        for line in (
            f"Stuck, and so still open: {', '.join(stuck)}.",
            f"All of it took {seconds:.0f} s. The warehouse is {self.settings.warehouse}",
            f"Every finished file is archived below {self.settings.archive_shown}",
            "Look at the pictures: genai gallery --demo",
        ):
            console.print(line, soft_wrap=True)

    def _count(self, grid: Grid, owner: warehouse.Dataset, more: Sequence[str]) -> None:
        """A line for each of its tables."""
        for number, name in enumerate([*(table.name for table in owner.all_tables), *more]):
            counted = f"SELECT count(*) FROM {owner.dataset}.{name}"  # noqa: S608 own names
            rows = warehouse.query(owner, self.settings, counted)
            took = f"{self.seconds[owner.name]:.1f}" if number == 0 else ""
            grid.add_row(owner.name, name, f"{rows[0][0] if rows else 0:,}", took)


def _open_images(settings: Settings) -> list[str]:
    provider = next(p for p in all_providers() if p.name == "imagine_api")
    sql = f"SELECT id FROM {{images}} WHERE state NOT IN {TERMINAL} ORDER BY id"  # noqa: S608
    return [row[0] for row in warehouse.query(provider, settings, sql) or []]
