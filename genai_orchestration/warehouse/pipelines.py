"""The warehouse: dlt pipelines, their destination, and the two rules that keep every row.

    pipeline(provider) ─► working folder of its own ─► extract ─► normalize ─► load step
                                                       (nobody waits)          (one at a time)

*One load step at a time per dataset, on every destination*: dlt merges through a shared staging
dataset, and concurrent merges lose rows without an error. *Nobody opens the DuckDB file without
its lock*: DuckDB refuses every other process while one has the file open, so ours wait instead.
"""

import contextlib
import gc
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from dlt.common.pipeline import LoadInfo, NormalizeInfo
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector
from dlt.destinations.sql_client import WithSqlClient
from dlt.pipeline.configuration import PipelineConfiguration, PipelineRuntimeConfiguration
from dlt.pipeline.pipeline import Pipeline

from genai_orchestration.doors.private import private_folder
from genai_orchestration.errors import UserError
from genai_orchestration.providers.base import Table
from genai_orchestration.providers.dlt_environment import addressed_variables
from genai_orchestration.settings import DESTINATION_VARIABLE, Settings
from genai_orchestration.warehouse.dlt_signals import finishing
from genai_orchestration.warehouse.locks import exclusive, lock_file

STALE = 24 * 3600.0  # seconds without a write: the working folder of a run that was killed
USUAL = gc.get_threshold()  # before any load: several may be going on in a process
NEW_OBJECTS = 50_000  # between two collections of garbage: some 15,000 records
REPLACE = "insert-from-staging"  # the old snapshot stays until the new one is there, in one step


class WarehouseError(UserError):
    """The warehouse cannot be used; the text says what to do next."""


class Dataset(Protocol):
    """What has a dataset and a pipeline of its own: a provider, and the project itself."""

    @property
    def name(self) -> str: ...  # noqa: D102 as in Provider

    @property
    def section(self) -> str: ...  # noqa: D102

    @property
    def pipeline(self) -> str: ...  # noqa: D102

    @property
    def dataset(self) -> str: ...  # noqa: D102

    @property
    def all_tables(self) -> tuple[Table, ...]: ...  # noqa: D102


class WarehousePipeline(Pipeline):
    """A dlt pipeline whose load step waits until no other load step uses its dataset."""

    settings: Settings

    def normalize(self, *args: Any, **kwargs: Any) -> NormalizeInfo:
        """Normalize what is extracted; an interrupt counts after that."""
        with finishing():
            return super().normalize(*args, **kwargs)

    def load(self, *args: Any, **kwargs: Any) -> LoadInfo:
        """Load the extracted packages, alone in the dataset; an interrupt counts after that."""
        pyarrow.default_memory_pool().release_unused()  # of the extraction: some 50 MB
        with _lease(self.settings, self.dataset_name or self.pipeline_name), finishing():
            return super().load(*args, **kwargs)


def destination(settings: Settings) -> Destination[Any, Any]:
    """The configured dlt destination; WarehouseError when dlt has none of that name."""
    if settings.destination == "duckdb":
        # a fifth of a second to import, for loads and questions alone
        from genai_orchestration.warehouse.locked_duckdb import LockedDuckDb

        return LockedDuckDb(
            str(settings.warehouse), destination_name="duckdb", replace_strategy=REPLACE
        )
    try:
        found = Destination.from_reference(settings.destination)
        if found is None:
            raise UnknownDestinationModule(settings.destination, settings.destination, [])
        if not issubclass(found.client_class, WithSqlClient):  # imports the database's own driver
            raise UnknownDestinationModule(settings.destination, settings.destination, [])
        strategies = found.capabilities().supported_replace_strategies or ()
        if REPLACE in strategies and settings.destination != "filesystem":
            found.config_params["replace_strategy"] = REPLACE
    except UnknownDestinationModule:
        raise WarehouseError(
            f"dlt has no destination {settings.destination!r}: set {DESTINATION_VARIABLE} to "
            "duckdb, postgres, bigquery, snowflake, redshift, databricks or filesystem (it has to "
            "speak SQL)."
        ) from None
    except (MissingDependencyException, ModuleNotFoundError):
        raise WarehouseError(
            f"The destination {settings.destination} is not installed: run "
            f"pip install 'dlt[{settings.destination}]', or set {DESTINATION_VARIABLE}=duckdb."
        ) from None
    return found


@contextlib.contextmanager
def pipeline(
    provider: Dataset, settings: Settings, *, progress: Collector | None = None
) -> Iterator[WarehousePipeline]:
    """The provider's dlt pipeline, under its fixed name, in a working folder of its own.

    The folder lasts as long as the with block: two runs that share one delete each other's work,
    and the pipeline's state is in the warehouse anyway.
    """
    private_folder(settings.home)
    runs = settings.dlt_home / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    _sweep(runs)
    folder = tempfile.mkdtemp(prefix=f"{provider.name}-", dir=runs)
    try:
        with addressed_variables(), _rare_collections():
            made = _made(provider, settings, folder, progress)
            try:
                yield made
                _show_to_dlt(made, settings)
            finally:
                made.deactivate()  # else it would stay dlt's active pipeline
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(
    provider: Dataset, settings: Settings, folder: str, progress: Collector | None
) -> WarehousePipeline:
    """The pipeline, active, as it is written here: no setting of dlt's moves it elsewhere.

    `dlt.pipeline` would look up dataset, staging, refresh, dev mode and schema paths.
    """
    options = PipelineConfiguration(
        pipeline_name=provider.pipeline, pipelines_dir=folder, dataset_name=provider.dataset
    )
    options.runtime = resolve_configuration(PipelineRuntimeConfiguration())
    options.on_resolved()
    made = WarehousePipeline(
        provider.pipeline,
        folder,
        options.pipeline_salt or "",
        destination(settings),
        staging=None,  # type: ignore[arg-type]  # dlt's own default
        dataset_name=provider.dataset,
        import_schema_path="",
        export_schema_path="",
        dev_mode=False,
        progress=progress or NULL_COLLECTOR,
        must_attach_to_local_pipeline=False,
        config=options,
    )
    made.settings = settings
    made.activate()
    return made


def loaded_row_counts(pipeline: Pipeline) -> dict[str, int]:
    """How many rows the pipeline's last run brought, by table; tables without any are left out."""
    trace = pipeline.last_trace
    info = trace.last_normalize_info if trace else None
    counted = info.row_counts if info else {}
    return {name: rows for name, rows in counted.items() if not name.startswith("_dlt")}


def _show_to_dlt(pipeline: Pipeline, settings: Settings) -> None:
    """Leave the pipeline's state and schema where dlt's own commands can be pointed at.

    Not its trace: that may hold the configuration that was resolved, secrets too.
    """
    made = Path(pipeline.working_dir)
    shown = settings.dlt_pipelines / pipeline.pipeline_name
    for source in (*made.glob("schemas/*.json"), *made.glob(pipeline.STATE_FILE)):
        target = shown / source.relative_to(made)
        target.parent.mkdir(parents=True, exist_ok=True)
        copied = target.with_name(f"{made.parent.name}.tmp")  # the run's own
        shutil.copyfile(source, copied)
        copied.replace(target)


def _lease(settings: Settings, dataset: str) -> contextlib.AbstractContextManager[None]:
    """Hold the dataset for one load step; with DuckDB, the whole file."""
    if settings.destination == "duckdb":
        return exclusive(lock_file(settings.warehouse), dataset)
    return exclusive(settings.dlt_home / f"{settings.destination}-{dataset}.lock", dataset)


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Let Python collect garbage more rarely while records are read: they have no cycles.

    By default it does so after 700 new objects, some 200 records: half of the extraction's time.
    """
    gc.set_threshold(NEW_OBJECTS, *USUAL[1:])
    try:
        yield
    finally:
        gc.set_threshold(*USUAL)


def _sweep(runs: Path) -> None:
    """Remove the working folders of runs that were killed."""
    for folder in runs.iterdir():
        with contextlib.suppress(OSError):  # another run may be sweeping it at this moment
            # the newest file's age, not the folder's: a run that lasts for days goes on writing
            newest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
            if time.time() - newest > STALE:
                shutil.rmtree(folder, ignore_errors=True)
