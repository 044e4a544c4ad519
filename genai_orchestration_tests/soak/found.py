"""What the product has at the end, read from its tables, its ledger, its archive and its events."""

import hashlib
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import orjson

from genai_orchestration import warehouse
from genai_orchestration.loading.generations import OWN
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.vendors import PROVIDERS

IMAGE = ("id", "prompt", "date_created", "status", "url", "error", "ref")
NESTED = ("upscaled_urls", "sha256s")
FILE = ("job_id", "role", "state", "sha256", "archived_path", "reason")
GENERATION = ("provider", "job_id", "state", "files", "sha256s")
MADE = {  # where the other providers' finished jobs are
    "abyssale": "SELECT generation_request_id FROM {file} WHERE generation_request_id IS NOT NULL",
    "magic_hour": "SELECT id FROM {image_projects}",
}
UNFINISHED = [
    status
    for status in dg.DagsterRunStatus
    if status not in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    and status is not dg.DagsterRunStatus.CANCELED
]
Row = dict[str, Any]


@dataclass(frozen=True)
class Tick:
    """One evaluation of a sensor or a schedule that failed."""

    name: str
    began: float
    ended: float
    error: str
    text: str


@dataclass
class Found:
    """The product's own account of things."""

    images: list[Row]
    files: dict[str, list[Row]]
    jobs: dict[str, list[str]]
    generations: list[Row]
    requests: dict[str, Row]  # of the ledger, by key
    open_jobs: list[Row]  # of the ledger: not over, not loaded, or not archived
    ticks: Counter[str]  # by status
    red: list[Tick]
    runs: Counter[str]  # by status
    unfinished: dict[str, datetime]  # runs, and when they were made


def read(settings: Settings) -> Found:
    """All of it, as it is now."""
    ledger = _Ledger(settings.ledger)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        ticks, red = _ticks(instance)
        runs = instance.get_run_records()
    return Found(
        images=_rows(settings, "imagine_api", "images", (*IMAGE, "upscaled_urls")),
        files={name: _rows(settings, name, "asset_file", FILE) for name in PROVIDERS},
        jobs={name: _column(settings, name, sql) for name, sql in MADE.items()},
        generations=_generations(settings),
        requests={row["request_key"]: row for row in ledger.rows("SELECT * FROM requests")},
        open_jobs=ledger.rows(
            "SELECT * FROM jobs WHERE state NOT IN ('SUCCEEDED', 'FAILED', 'CANCELED', 'GONE') "
            "OR loaded IS NULL OR (state = 'SUCCEEDED' AND archived IS NULL)"
        ),
        ticks=ticks,
        red=red,
        runs=Counter(each.dagster_run.status.value for each in runs),
        unfinished={
            each.dagster_run.run_id: each.create_timestamp.replace(tzinfo=timezone.utc)
            for each in runs
            if each.dagster_run.status in UNFINISHED
        },
    )


def checksum(settings: Settings, path: str) -> str | None:
    """The checksum of a file of the archive; None when it is not there."""
    file = Path(settings.archive) / path
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def kept(settings: Settings) -> set[str]:
    """The paths of all files in the archive, those in quarantine included."""
    folder = Path(settings.archive)
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != ".incoming"
    }


def _rows(settings: Settings, provider: str, table: str, columns: tuple[str, ...]) -> list[Row]:
    sql = f"SELECT {', '.join(columns)} FROM {{{table}}}"
    found = warehouse.query(PROVIDERS[provider], settings, sql) or []
    return [_row(columns, values) for values in found]


def _row(columns: tuple[str, ...], values: tuple[Any, ...]) -> Row:
    """The values by name; JSON, which some drivers give as text, as what it says."""
    row = dict(zip(columns, values, strict=True))
    for name, value in row.items():
        if name in NESTED and isinstance(value, str):
            row[name] = orjson.loads(value)
        if isinstance(value, datetime):
            row[name] = value.astimezone(timezone.utc)
    return row


def _column(settings: Settings, provider: str, sql: str) -> list[str]:
    return [str(row[0]) for row in warehouse.query(PROVIDERS[provider], settings, sql) or []]


def _generations(settings: Settings) -> list[Row]:
    sql = f"SELECT {', '.join(GENERATION)} FROM {{generations}}"
    found = warehouse.query(OWN, settings, sql) or []
    return [_row(GENERATION, values) for values in found]


@dataclass(frozen=True)
class _Ledger:
    path: Path

    def rows(self, sql: str) -> list[Row]:
        """The rows of a SELECT; none before there is a ledger."""
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(self.path, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql)]


def _ticks(instance: dg.DagsterInstance) -> tuple[Counter[str], list[Tick]]:
    counted: Counter[str] = Counter()
    red = []
    for state in instance.all_instigator_state():
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id):
            counted[tick.status.value] += 1
            if tick.error:
                ended = tick.end_timestamp or tick.timestamp
                error, text = tick.error.cls_name or "", tick.error.to_string()
                red.append(Tick(tick.instigator_name, tick.timestamp, ended, error, text))
    return counted, red
