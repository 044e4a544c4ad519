"""A real `dagster dev` on a free port, spoken to through its GraphQL API as the web UI does."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from genai_orchestration.dev import start as dev
from genai_orchestration.settings import Settings

LOCATION = "genai_orchestration"
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION}


def free_port() -> int:
    """A port that nobody uses at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextlib.contextmanager
def dagster(settings: Settings, environment: Mapping[str, str]) -> Iterator["Dagster"]:
    """`dagster dev` with the project's settings, ended with all of its processes at the end."""
    with dev.dagster_dev(settings, free_port(), environment) as running:
        yield Dagster(running.url)


@dataclass
class Dagster:
    """The web UI's API, and the processes behind it."""

    url: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The `data` of a GraphQL query; an error is an AssertionError."""
        answer = requests.post(
            f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=120
        ).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def backfill(self, asset: list[str], days: list[str]) -> str:
        """Launch a backfill of an asset's partitions; its id."""
        started = self.ask(
            """mutation($params: LaunchBackfillParams!) {
                launchPartitionBackfill(backfillParams: $params) {
                    ... on LaunchBackfillSuccess { backfillId }
                    ... on PythonError { message }
                } }""",
            params={"assetSelection": [{"path": asset}], "partitionNames": days, "tags": []},
        )
        backfill_id: str = started["launchPartitionBackfill"]["backfillId"]
        return backfill_id

    def launch(self, job: str, **tags: str) -> str:
        """Launch a job with these tags (`__` in a name stands for `/`); the run's id."""
        launched = self.ask(
            """mutation($params: ExecutionParams!) {
                launchPipelineExecution(executionParams: $params) {
                    ... on LaunchRunSuccess { run { runId } }
                    ... on PythonError { message }
                } }""",
            params={
                "selector": {**REPOSITORY, "jobName": job},
                "executionMetadata": {"tags": _tags(tags)},
            },
        )
        run_id: str = launched["launchPipelineExecution"]["run"]["runId"]
        return run_id

    def terminate(self, run: str, policy: str) -> str:
        """Terminate a run by a policy of Dagster's; what came of it, by its name in GraphQL."""
        ended = self.ask(
            """mutation($run: String!, $policy: TerminateRunPolicy) {
                terminateRun(runId: $run, terminatePolicy: $policy) { __typename } }""",
            run=run,
            policy=policy,
        )
        name: str = ended["terminateRun"]["__typename"]
        return name

    def status(self, run: str) -> str:
        """The status of a run."""
        found = self.ask(
            "query($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }", run=run
        )
        status: str = found["runOrError"]["status"]
        return status

    def log(self, run: str) -> list[str]:
        """The messages of a run's log."""
        found = self.ask(
            """query($run: ID!) { logsForRun(runId: $run, limit: 1000) { ... on EventConnection {
                events { ... on MessageEvent { message } } } } }""",
            run=run,
        )
        return [event["message"] for event in found["logsForRun"]["events"]]

    def stop_sensor(self, name: str) -> None:
        """Stop a sensor, as its switch does."""
        state = self.ask(
            """query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { ... on Sensor {
                sensorState { id } } } }""",
            s={**REPOSITORY, "sensorName": name},
        )["sensorOrError"]["sensorState"]
        self.ask(
            "mutation($id: String!) { stopSensor(id: $id) { __typename } }",
            id=state["id"],
        )

    def days(self, asset: list[str]) -> set[str]:
        """The partitions of the asset that have been materialized."""
        [node] = self.ask(
            """query($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) {
                assetMaterializations(limit: 200) { partition } } }""",
            keys=[{"path": asset}],
        )["assetNodes"]
        return {found["partition"] for found in node["assetMaterializations"]}

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """Runs with these tags (`__` in a name stands for `/`), newest first."""
        found = self.ask(
            """query($filter: RunsFilter) { runsOrError(filter: $filter, limit: 200) { ... on Runs {
                results { runId status pipelineName tags { key value } } } } }""",
            filter={"tags": _tags(tags)},
        )["runsOrError"]["results"]
        return [{**run, "tags": {t["key"]: t["value"] for t in run["tags"]}} for run in found]

    def last_tick(self, name: str) -> dict[str, Any]:
        """The newest tick of a sensor: its status, skip reason and error."""
        ticks = self.ask(
            """query($s: SensorSelector!) { sensorOrError(sensorSelector: $s) { ... on Sensor {
                sensorState { ticks(limit: 1) { status skipReason error { message } } } } } }""",
            s={**REPOSITORY, "sensorName": name},
        )["sensorOrError"]["sensorState"]["ticks"]
        return ticks[0] if ticks else {}


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key.replace("__", "/"), "value": value} for key, value in tags.items()]


def until(what: str, seconds: float, condition: Any) -> Any:
    """The first truthy value of `condition()`; AssertionError names what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def processes(words: str, home: Path) -> list[int]:
    """Ids of processes whose command line has `words` and whose DAGSTER_HOME is below `home`."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            mine = f"DAGSTER_HOME={home}".encode() in (folder / "environ").read_bytes()
            if mine and words in command and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found
