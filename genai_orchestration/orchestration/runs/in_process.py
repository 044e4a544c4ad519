"""Runs in this process rather than under the daemon, and what becomes of them when it is killed.

    run_in_process ─────► a lock that ends with the process ─► the run, with its name
    fail_orphaned_runs ─► runs of this kind that are "started", without their lock ─► failed

A run of a dead process would stay "started", and keep its place in the pool: every later
run of the same assets would wait behind it. The daemon asks, too (see launcher.py).
"""

import contextlib
import logging
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

import dagster as dg
from filelock import FileLock, Timeout

from genai_orchestration import compat
from genai_orchestration.orchestration.runs.outcomes import NotLoaded, cause_of

PROCESS = "genai/process"  # the tag with the name of the lock that the run's process holds
KILLED = "The process that ran this was killed."
UNFINISHED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]


def run_in_process(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    run_config: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    **arguments: Any,
) -> dg.ExecuteInProcessResult:
    """Run a job in this process, on the instance that the web UI shows; NotLoaded when it fails.

    `arguments` are those of `execute_in_process`: partition_key, asset_selection. The run's log
    goes to the instance alone; one that cannot be written is not the failure that is shown.
    """
    fail_orphaned_runs(instance)
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with _alive(instance) as name, _without_logging_errors():
        run = definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            run_config={**(run_config or {}), **quiet},
            raise_on_error=False,
            tags={**(tags or {}), PROCESS: name},
            **arguments,
        )
    if not run.success:
        raise NotLoaded(f"The job {job} failed: {cause_of(instance, run.run_id)}.")
    return run


def fail_orphaned_runs(instance: dg.DagsterInstance) -> None:
    """Fail the runs whose process was killed, and free their places in the pools."""
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        if owner_died(instance, run):
            instance.report_run_failed(run, KILLED)
            compat.free_pool_slots(instance, run.run_id)


def owner_died(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the run was one of a process, and that process is gone."""
    name = run.tags.get(PROCESS)
    if name is None:
        return False
    try:
        with FileLock(_lock(instance, name), timeout=0):
            return True
    except Timeout:
        return False


@contextlib.contextmanager
def _without_logging_errors() -> Iterator[None]:
    """Without what Dagster and Python say of a log that cannot be written into the database."""
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        with contextlib.redirect_stderr(cast("TextIO", _Stderr(sys.stderr))):
            yield
    finally:
        logging.raiseExceptions = before


class _Stderr:
    """Another stream, but for what Dagster writes of a line that its database did not take."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text, in one piece as it came."""
        return len(text) if text.startswith(compat.UNWRITTEN) else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _alive(instance: dg.DagsterInstance) -> Iterator[str]:
    """Hold a lock of a new name for as long as the block lasts."""
    name = uuid.uuid4().hex
    path = _lock(instance, name)
    path.parent.mkdir(exist_ok=True)
    try:
        with FileLock(path):
            yield name
    finally:
        path.unlink(missing_ok=True)


def _lock(instance: dg.DagsterInstance, name: str) -> Path:
    return Path(instance.root_directory) / "processes" / f"{name}.lock"
