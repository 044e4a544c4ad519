"""The demo: the sandbox, the three providers and the polling sensor, without a key or a network.

    once      sandbox ─► load jobs ─► sensor ─► its runs ─► sensor ─► … all final ─► a table
    with UI   sandbox ─► dagster dev ─► the same jobs launched as the web UI does ─► Ctrl-C

Its state is a folder of its own below GENAI_HOME, and is made anew each time.
"""

import dataclasses
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone

import dagster as dg
from filelock import FileLock, Timeout
from rich.console import Console
from rich.table import Table as Grid

from genai_orchestration import dev, warehouse
from genai_orchestration.definitions import defs
from genai_orchestration.errors import PlainError
from genai_orchestration.orchestration.partitions import range_tags
from genai_orchestration.orchestration.runs import RUN_KEY, SENSOR, run_here
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.states import TERMINAL
from genai_orchestration.sandbox.server import Sandbox
from genai_orchestration.settings import HOME_VARIABLE, LEDGER_VARIABLE, Settings

IMAGES_SENSOR = "imagine_api_images_sensor"
HISTORY = 31  # days of images in the sandbox, and today
LOOK_EVERY = 3.0  # seconds between two looks of the sensor in the tour
PATIENCE = 120.0  # seconds until the tour gives up on open images

console = Console(highlight=False)


class DemoFailed(PlainError):
    """The tour did not come to its end."""


def demo_settings() -> Settings:
    """The demo's own state, apart from the real one."""
    real = Settings.load()
    return Settings(home=real.home / "demo", destination="duckdb")


@contextmanager
def demo_sandbox(settings: Settings) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """A running sandbox, an empty state, and the environment that points at both."""
    with _alone(settings), Sandbox().running() as sandbox:
        shutil.rmtree(settings.home, ignore_errors=True)
        yield (
            sandbox,
            {
                **sandbox.environment(),
                HOME_VARIABLE: str(settings.home),
                "GENAI_DESTINATION": settings.destination,
                LEDGER_VARIABLE: "",  # the demo's own file, whatever the real ledger is
                "SOURCES__IMAGINE_API_SOURCE__START_DATE": history()[0].isoformat(),
                "SOURCES__ABYSSALE_SOURCE__BANNER_IDS": ",".join(
                    sandbox.providers["abyssale"].banner_ids
                ),
                "RUNTIME__DLTHUB_TELEMETRY": "false",
            },
        )


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the state against other demos."""
    settings.home.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{settings.home}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DemoFailed(
            f"A demo is running in {settings.home}: end it with Ctrl-C, or set {HOME_VARIABLE} to "
            "another folder for this one."
        ) from None
    try:
        yield
    finally:
        lock.release()


def with_ui(port: int) -> None:
    """Serve the web UI until Ctrl-C, with everything on and the first loads launched."""
    settings = demo_settings()
    dev.port_is_free(port)
    with dev.stopped_by_signals(), demo_sandbox(settings) as (_, environment):
        console.print("Starting the sandbox and Dagster ...")
        with dev.dagster_dev(settings, port, environment) as url:
            _launch(port)
            console.print(f"\n[bold]The web UI is at {url}[/] - Ctrl-C ends the demo.")
            console.print(f"The warehouse is {settings.warehouse}.\n")
            while True:
                time.sleep(3600)


def once() -> None:
    """The whole tour without a UI; DemoFailed when open images do not become final in time."""
    started = time.monotonic()
    settings = demo_settings()
    with demo_sandbox(settings) as (sandbox, environment):
        os.environ.update(environment)
        os.environ["DAGSTER_HOME"] = str(dev.instance_home(settings))
        tour = Tour(settings, dg.DagsterInstance.get(), defs())
        for provider in all_providers():
            tour.load(provider)
        stuck = tour.watch(sandbox)
    tour.show(stuck, time.monotonic() - started)


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
            run_here(self.definitions, self.instance, f"{provider.name}_load", tags=tags)
            self.seconds[provider.name] = time.monotonic() - started
        console.print(f"Loaded {provider.title} in {self.seconds[provider.name]:.1f} s.")

    def watch(self, sandbox: Sandbox) -> list[str]:
        """Let the polling sensor do its work until only stuck images are open; their ids."""
        stuck = sorted(sandbox.providers["imagine_api"].never_ending())
        sensor = self.definitions.resolve_sensor_def(IMAGES_SENSOR)
        cursor: str | None = None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            context = dg.build_sensor_context(
                instance=self.instance, cursor=cursor, definitions=self.definitions
            )
            result = sensor.evaluate_tick(context)
            cursor = result.cursor
            for request in result.run_requests or []:
                console.print(f"The sensor asks for {request.partition_key}.")
                self._answer(request)
            if not result.run_requests:
                console.print(f"The sensor: {result.skip_message}")
                if _open_images(self.settings) == stuck:
                    return stuck
                time.sleep(LOOK_EVERY)
        raise DemoFailed(f"Images are still open after {PATIENCE:g} s: run the demo again.")

    def _answer(self, request: dg.RunRequest) -> None:
        started = time.monotonic()
        run_here(
            self.definitions,
            self.instance,
            "imagine_api_load",
            partition_key=request.partition_key,
            run_config=request.run_config,
            asset_selection=request.asset_selection,
            tags={**request.tags, RUN_KEY: request.run_key or "", SENSOR: IMAGES_SENSOR},
        )
        self.seconds["imagine_api"] += time.monotonic() - started

    def show(self, stuck: list[str], seconds: float) -> None:
        """The table of what was loaded, what is stuck, and where to look."""
        grid = Grid("provider", "table", "rows", "seconds")
        grid.columns[2].justify = grid.columns[3].justify = "right"
        for provider in all_providers():
            for number, table in enumerate(provider.tables):
                rows = warehouse.query(
                    provider,
                    self.settings,
                    f"SELECT count(*) FROM {{{table.name}}}",  # noqa: S608
                )
                took = f"{self.seconds[provider.name]:.1f}" if number == 0 else ""
                grid.add_row(provider.name, table.name, f"{rows[0][0] if rows else 0:,}", took)
        console.print(grid)
        for line in (
            f"Stuck, and so still open: {', '.join(stuck)}.",
            f"All of it took {seconds:.0f} s. The warehouse is {self.settings.warehouse}",
        ):
            console.print(line, soft_wrap=True)


def history() -> tuple[date, date]:
    """The first and the last day of the sandbox's images."""
    today = datetime.now(timezone.utc).date()
    return today - timedelta(days=HISTORY), today


def _open_images(settings: Settings) -> list[str]:
    provider = next(p for p in all_providers() if p.name == "imagine_api")
    sql = f"SELECT id FROM {{images}} WHERE state NOT IN {TERMINAL} ORDER BY id"  # noqa: S608
    return [row[0] for row in warehouse.query(provider, settings, sql) or []]


def _launch(port: int) -> None:
    """Launch each provider's load over the whole history, as the web UI would."""
    from dagster_graphql import DagsterGraphQLClient  # a second to import, for the UI alone

    client = DagsterGraphQLClient(dev.HOST, port_number=port)
    for provider in all_providers():
        tags = range_tags(*history()) if provider.start else {}
        client.submit_job_execution(f"{provider.name}_load", tags=tags)
