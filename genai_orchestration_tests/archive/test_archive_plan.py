"""What an archiver is told to fetch, and how often the warehouse is asked for it."""

from datetime import date, datetime, timezone
from typing import Any

import pytest

from genai_orchestration import clock, warehouse
from genai_orchestration.archive import plan as archive_plan
from genai_orchestration.archive.archiver import Wanted
from genai_orchestration.archive.plan import JOBS_PER_QUERY, ArchivePlan
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.archived import IMAGINE, loaded_images, pictures
from genai_orchestration_tests.support.doubles import replace


def test_the_warehouse_is_opened_for_hundreds_of_jobs_and_not_for_each_day(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded_images(settings)
    expected = pictures(sandbox)
    looks = looking(monkeypatch)
    for at_once in (JOBS_PER_QUERY, 100, 1):
        monkeypatch.setattr(archive_plan, "JOBS_PER_QUERY", at_once)
        looks.clear()
        found = wanted(settings)
        assert sorted((each.job_id, each.file.role) for each in found) == sorted(expected)
        assert sorted(found, key=created) == found
        days = {day(each) for each in found}
        assert len(days) > 15
        # any two neighbouring spans have more jobs than that: else they would be one
        spans = 2 * len({each.job_id for each in found}) // at_once + 1
        undated = 2  # images of no day come last
        assert len(looks) <= 1 + 2 * min(spans, len(days)) + undated
        assert at_once > 1 or len(looks) == 1 + 2 * len(days) + undated


def looking(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SELECTs that the warehouse is asked from now on."""
    looks: list[str] = []
    query = warehouse.query

    def look(*arguments: Any) -> list[tuple[Any, ...]] | None:
        looks.append(arguments[-1])
        return query(*arguments)

    replace(monkeypatch, warehouse, "query", look)
    return looks


def wanted(settings: Settings) -> list[Wanted]:
    """All files that are to be archived."""
    assert IMAGINE.archive
    with Ledger.open(settings) as ledger:
        plan = ArchivePlan(
            provider=IMAGINE,
            archive=IMAGINE.archive,
            settings=settings,
            ledger=ledger,
            base_url=IMAGINE.base_url,
            now=clock.now(),
        )
        return list(plan.wanted(None))


def created(file: Wanted) -> datetime:
    """When its job was created."""
    assert file.date_created
    return file.date_created


def day(file: Wanted) -> date:
    """The UTC day of its job."""
    return created(file).astimezone(timezone.utc).date()
