"""Loading a provider into a warehouse and looking into it, for the tests of this folder."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from dlt.extract import DltSource

from genai_orchestration import warehouse
from genai_orchestration.providers import http
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.doubles import replace

Row = dict[str, Any]


def load(settings: Settings, provider: Provider, source: DltSource) -> None:
    """Load all of the source's resources, as the product does."""
    with warehouse.pipeline(provider, settings) as pipeline:
        pipeline.run(source).raise_on_failed_jobs()


def select(settings: Settings, provider: Provider, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a SELECT on tables that must be there."""
    found = warehouse.query(provider, settings, sql)
    assert found is not None
    return found


def count(settings: Settings, provider: Provider, table: str) -> int | None:
    """How many rows the table has; None when there is no such table."""
    found = warehouse.query(provider, settings, f"SELECT count(*) FROM {{{table}}}")
    return None if found is None else int(found[0][0])


def read(source: DltSource, table: str) -> list[Row]:
    """What the resource yields, without a warehouse."""
    return [row for page in pages(source, table) for row in page]


def pages(source: DltSource, table: str) -> Iterator[list[Row]]:
    """What the resource yields, a list for each Arrow table, read as it is consumed."""
    for page in source.with_resources(table):
        yield page.to_pylist()


def calls(sandbox: Sandbox, path: str) -> list[str]:
    """The paths of the requests so far that begin with `path`."""
    return [call.path for call in sandbox.traffic.calls if call.path.startswith(path)]


def midnight(sandbox: Sandbox, days: int = 0) -> datetime:
    """The first instant of the sandbox's UTC day, or of one `days` after it."""
    today = sandbox.clock.now().astimezone(timezone.utc)
    return today.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)


def without_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once, also those of a client that a source makes."""
    replace(monkeypatch, http, "wait_seconds", lambda state: 0.0)
