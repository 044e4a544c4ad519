"""What Dagster's daemon does for one sensor, on a real ephemeral instance, without the waiting."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import dagster as dg

from genai_orchestration import clock
from genai_orchestration.definitions import defs
from genai_orchestration.orchestration.runs.outcomes import RUN_KEY, SENSOR
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault


def refuse(sandbox: Sandbox) -> None:
    """Make every request fail as one that is not worth waiting for, until faults are cleared."""
    sandbox.traffic.faults.append(
        Fault(kind="status", status=429, retry_after="1000", times=1_000_000)
    )


@dataclass
class Daemon:
    """Evaluates a sensor, keeps its cursor, and executes what it asks for."""

    sensor: str
    instance: dg.DagsterInstance = field(default_factory=dg.DagsterInstance.ephemeral)
    definitions: dg.Definitions = field(default_factory=lambda: defs())
    cursor: str | None = None
    last_tick: float | None = None  # when the last tick began that came to its end
    said: str = ""  # the last skip's sentence

    def tick(self, *, keep: bool = True) -> Sequence[dg.RunRequest]:
        """One tick; what it asks for. Without `keep` the daemon dies before storing its cursor."""
        sensor = self.definitions.resolve_sensor_def(self.sensor)
        context = dg.SensorEvaluationContext(
            instance_ref=None,
            instance=self.instance,
            repository_name=None,
            last_tick_completion_time=self.last_tick,
            last_run_key=None,
            cursor=self.cursor,
            log_key=None,
            definitions=self.definitions,
        )
        began = clock.now().timestamp()
        tick = sensor.evaluate_tick(context)
        self.said = tick.skip_message or ""
        if keep:
            self.cursor, self.last_tick = tick.cursor or self.cursor, began
        return tick.run_requests or []

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult | None:
        """Execute a request, unless its key was ever used: as Dagster does."""
        assert request.run_key
        if self.instance.get_runs(dg.RunsFilter(tags={RUN_KEY: request.run_key})):
            return None
        job = request.job_name or self.definitions.resolve_sensor_def(self.sensor).job_name
        assert job
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config=request.run_config,
            partition_key=request.partition_key,
            tags=self.tags(request),
            asset_selection=list(request.asset_selection or ()),
            raise_on_error=False,
        )

    def tags(self, request: dg.RunRequest) -> dict[str, str]:
        """The tags that Dagster gives to a run that this sensor asks for."""
        return {**request.tags, RUN_KEY: request.run_key or "", SENSOR: self.sensor}

    def work(self) -> list[bool]:
        """One tick and the runs that it asks for; which of them succeeded."""
        results = [self.run(request) for request in self.tick()]
        return [result.success for result in results if result]
