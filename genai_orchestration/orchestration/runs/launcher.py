"""The run launcher: Dagster's own, which also notices that a run's worker died with its server.

    daemon (run monitoring, every 10 s) ─► is the code server that runs it still there?
        yes ─► it watches its workers itself, and reports a dead one within a second
        no  ─► the run is failed, retried by Dagster, and frees its place in the pool

Without this, a machine that goes down in the middle of a run leaves it "started" for hours, and
every later run of the same assets waits behind it.
"""

import json
import socket

from dagster import DagsterRun
from dagster._core.launcher import (  # the extension point for launchers has no public name
    CheckRunHealthResult,
    DefaultRunLauncher,
    WorkerStatus,
)

from genai_orchestration import compat
from genai_orchestration.orchestration.runs import in_process as here

TIMEOUT = 5.0  # seconds; a local server that is there accepts at once


class WatchedRunLauncher(DefaultRunLauncher):
    """Runs are processes of the local code server; a run whose server is gone is dead."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Make the daemon ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the code server of the run still listens, or its own process is there."""
        if here.owner_died(self._instance, run):
            return CheckRunHealthResult(WorkerStatus.FAILED, here.KILLED)
        server = json.loads(run.tags.get(compat.SERVER_TAG, "{}"))
        if not server or _listens(server):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.FAILED, "The code server ended while it ran this run, and the run with it."
        )


def _listens(server: dict[str, str]) -> bool:
    try:
        if path := server.get("socket"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(TIMEOUT)
                client.connect(path)
        else:
            address = (server.get("host") or "localhost", int(server["port"]))
            socket.create_connection(address, TIMEOUT).close()
    except TimeoutError:
        return True  # busy, but there
    except OSError:
        return False
    return True
