"""The sensor of a change watch: it loads some tables when one small question has a new answer.

version ─► the one that was asked for? ─no──────────────► a run
                 └yes─► its run failed? ─yes, a while ago─► the run again, in the next attempt
"""

import dataclasses
import json
from dataclasses import dataclass

import dagster as dg

from genai_orchestration import clock
from genai_orchestration.errors import counted
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.runs.outcomes import (
    NotLoaded,
    first_round,
    outcome_of,
    skipping,
)
from genai_orchestration.providers.base import ChangeWatch, Provider
from genai_orchestration.watching import day_watch

INTERVAL_SECONDS = 300  # between two requests


@dataclass(frozen=True)
class AskedVersion:
    """A change watch's cursor: the version a run was asked for, in which round and attempt."""

    version: str = ""
    seq: int = 0
    attempt: int = 1

    @classmethod
    def loads(cls, text: str | None, first_round: int) -> "AskedVersion":
        """The cursor from its text; one that cannot be read is as none: loading again is free."""
        try:
            return cls(**json.loads(text)) if text else cls(seq=first_round)
        except (ValueError, TypeError):
            return cls(seq=first_round)

    @property
    def run_key(self) -> str:
        """Another key for each round and attempt: Dagster never runs one key twice."""
        return f"{self.version}|s{self.seq}|a{self.attempt}"


def change_sensor(provider: Provider, watch: ChangeWatch) -> dg.SensorDefinition:
    """The sensor of `watch`; it is on from the start, as its loads are free."""
    keys = [asset_key(provider, table) for table in watch.tables]

    @dg.sensor(
        name=watch.sensor,
        job_name=f"{provider.name}_load",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Asks {provider.title} one small question, and loads {', '.join(watch.tables)} "
            "when something has changed."
        ),
    )
    @skipping
    def watch_changes(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return changed(context, watch.sensor, keys, watch.version())

    return watch_changes


def changed(
    context: dg.SensorEvaluationContext, sensor: str, keys: list[dg.AssetKey], version: str
) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run when `version` is not the one that was loaded, and again when it failed.

    One run at a time: what changes while one is under way is asked for after it.
    """
    asked = AskedVersion.loads(context.cursor, first_round(context))
    outcome = outcome_of(context.instance, sensor, asked.run_key) if asked.version else None
    match outcome.state if outcome else "none":
        case "active":
            return dg.SkipReason(f"A change is being loaded: {asked.version}.")
        case "failed":
            assert outcome
            if outcome.ended and clock.now() < outcome.ended + day_watch.delay(asked.attempt):
                if asked.attempt >= day_watch.RED_AFTER:
                    raise NotLoaded(
                        f"A change failed {counted(asked.attempt, 'time')}: {outcome.cause}"
                    )
                return dg.SkipReason(f"A change failed to load, soon again: {outcome.cause}.")
            asked = AskedVersion(version, asked.seq + 1, asked.attempt + 1)
        case "missing":  # the tick that asked for it died
            pass
        case _ if asked.version == version:
            return dg.SkipReason(f"Nothing has changed: {version}.")
        case _:
            asked = AskedVersion(version, asked.seq + 1)
    request = dg.RunRequest(run_key=asked.run_key, asset_selection=keys)
    return dg.SensorResult(
        run_requests=[request], cursor=json.dumps(dataclasses.asdict(asked), sort_keys=True)
    )
