"""Metadata of the rows in the warehouse: counts by table and by day, and pictures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
from dlt.pipeline.pipeline import Pipeline

from genai_orchestration import warehouse
from genai_orchestration.doors.markup import as_text
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.providers.states import TERMINAL, JobState
from genai_orchestration.settings import Settings

THUMBNAILS = 3  # the UI renders Markdown in place up to 1,000 characters
MARKDOWN = 1000
PIXELS = 160
CAPTION = 60
ADDRESS = re.compile(r"https?://[^\s()<>\\\"'\[\]]+")  # that ends with the picture's parentheses


@dataclass(frozen=True)
class DayFacts:
    """One day's rows by state, and its newest pictures as (address, caption)."""

    states: Mapping[str, int] = field(default_factory=dict)
    pictures: tuple[tuple[str, str], ...] = ()
    unread: int | None = None  # open jobs that were counted, but not loaded

    @property
    def rows(self) -> int:
        """All rows of the day."""
        return sum(self.states.values())

    @property
    def finished(self) -> int:
        """Rows in a terminal state."""
        return sum(n for state, n in self.states.items() if state in TERMINAL)

    @property
    def open(self) -> int:
        """Jobs that are not finished: as many as were counted, else as there are rows of them."""
        return self.rows - self.finished if self.unread is None else self.unread

    def metadata(self) -> dict[str, Any]:
        """The facts as metadata of the day's partition."""
        shown = {
            "dagster/partition_row_count": self.rows,
            "finished": self.finished,
            "open": self.open,
        }
        by_state = {f"state {state.lower()}": n for state, n in sorted(self.states.items())}
        pictures = {"newest": dg.MetadataValue.md(thumbnails(self.pictures))}
        return {**shown, **by_state, **(pictures if self.pictures else {})}


def of_table(
    provider: Provider, table: Table, settings: Settings, pipeline: Pipeline
) -> dict[str, Any]:
    """Row count and name of the table, and columns that the API sent and nobody had declared."""
    counted = warehouse.query(provider, settings, f"SELECT count(*) FROM {{{table.name}}}")  # noqa: S608 own name
    known = pipeline.default_schema.tables.get(table.name, {"columns": {}})["columns"]
    undeclared = [name for name in known if name not in table.columns and name[:4] != "_dlt"]
    return {
        "dagster/row_count": counted[0][0] if counted else 0,
        "dagster/table_name": f"{provider.dataset}.{table.name}",
        **({"undeclared_columns": ", ".join(undeclared)} if undeclared else {}),
    }


def of_days(
    provider: Provider, table: Table, settings: Settings, days: tuple[date, date]
) -> dict[date, DayFacts]:
    """The facts of each day from `days[0]` (inclusive) to `days[1]` (exclusive) that has rows."""
    within = warehouse.day_range_sql(*days)
    day = warehouse.day_sql()
    counted = f"""
        SELECT {day} AS day, state, count(*) FROM {{{table.name}}}
        WHERE {within} GROUP BY 1, 2"""  # noqa: S608 own names and dates
    states: dict[date, dict[str, int]] = {}
    for on, state, number in warehouse.query(provider, settings, counted) or []:
        states.setdefault(on, {})[state] = number
    pictures = _pictures(provider, table, settings, day, within)
    return {on: DayFacts(states[on], tuple(pictures.get(on, ()))) for on in states}


def _pictures(
    provider: Provider, table: Table, settings: Settings, day: str, within: str
) -> dict[date, list[tuple[str, str]]]:
    if not table.picture or not table.caption:
        return {}
    newest = f"""
        SELECT day, picture, caption FROM (
            SELECT {day} AS day, {table.picture} AS picture, {table.caption} AS caption,
                   row_number() OVER (PARTITION BY {day} ORDER BY date_created DESC) AS place
            FROM {{{table.name}}} WHERE {within} AND state = '{JobState.SUCCEEDED.value}'
        ) AS ranked WHERE place <= {THUMBNAILS} ORDER BY day, place"""  # noqa: S608 own names
    found: dict[date, list[tuple[str, str]]] = {}
    for on, picture, caption in warehouse.query(provider, settings, newest) or []:
        if picture:
            found.setdefault(on, []).append((picture, caption or ""))
    return found


def thumbnails(pictures: tuple[tuple[str, str], ...]) -> str:
    """Markdown that shows the pictures side by side; prompts are untrusted and are escaped."""
    shown = ""
    for address, caption in pictures:
        small = f"![{as_text(caption[:CAPTION])}]({address.partition('?')[0]}?width={PIXELS}) "
        if len(shown) + len(small) < MARKDOWN and ADDRESS.fullmatch(address):
            shown += small
    return shown.strip()
