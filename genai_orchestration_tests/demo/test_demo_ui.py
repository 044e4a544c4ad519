"""`genai demo` as a person sees it: Dagster's web UI and the gallery, looked at with Chromium.

Nobody waits until the demo has loaded everything: runs still write while pages are read, and are
under way when Ctrl-C comes.
"""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from genai_orchestration import warehouse
from genai_orchestration.demo.stage import demo_settings
from genai_orchestration.providers import provider_named
from genai_orchestration_tests.support import walk
from genai_orchestration_tests.support.browser import chromium
from genai_orchestration_tests.support.command import served
from genai_orchestration_tests.support.dagster_client import Dagster, free_port, until

IMAGES, FILES = ["imagine_api", "images"], ["imagine_api", "asset_file"]
OPEN = timedelta(days=1)  # images of today and yesterday may still be in the making
# the days with pictures enough for a partition's metadata: a run over a range has days without any
PICTURED = """SELECT CAST(date_created AT TIME ZONE 'UTC' AS DATE) FROM {asset_file}
    WHERE role = 'grid' AND state = 'archived' GROUP BY 1 HAVING count(*) >= 3"""


@pytest.mark.long
def test_a_person_sees_the_assets_the_pictures_of_a_day_and_the_gallery() -> None:
    with (
        chromium() as page,
        served("demo", "--port", str(free_port())) as url,
        served("gallery", "--demo", "--port", "0") as gallery,
    ):
        ui = Dagster(url)
        boxes = walk.lineage(page, url)
        for group in ("abyssale", "imagine_api", "magic_hour", "genai"):
            expect(boxes.get_by_text(group, exact=True)).to_be_visible()

        day = until("the first day of the past is loaded", 300, lambda: past_day(ui))
        # its sensor does so only once nothing at all is under way
        made = ui.launch("genai_generations", dagster__priority="1")
        sees_states(walk.day(page, url, IMAGES, day), "images", day)
        files = walk.day(page, url, FILES, day)
        sees_states(files, "asset_file", day)
        pictures = [address.partition(",")[0] for address in walk.drawn(files)]
        assert pictures == ["data:image/webp;base64"] * 3  # there after every address has died

        until("the gallery's table is made", 300, lambda: made in succeeded(ui))
        prompt, path = a_picture(day)
        cards = walk.search(page, gallery, prompt)
        assert f"{gallery}/thumbnails/{path}" in walk.drawn(cards)
        known = walk.details(page, cards.filter(has=page.locator(f"img[src$='{path}']")).first)
        expect(known.get_by_role("row", name="state SUCCEEDED")).to_be_visible()


def past_day(ui: Dagster) -> str | None:
    """The last day whose files are loaded, and whose images were over long ago; with pictures."""
    yesterday = (datetime.now(timezone.utc) - OPEN).date().isoformat()
    pictured = {day.isoformat() for (day,) in asked(PICTURED)}
    return max((day for day in ui.days(FILES) if day < yesterday and day in pictured), default=None)


def succeeded(ui: Dagster) -> set[str]:
    return {run["runId"] for run in ui.runs() if run["status"] == "SUCCESS"}


def sees_states(told: Locator, table: str, day: str) -> None:
    """The day's counts by state are those of the warehouse."""
    counted = f"""SELECT lower(state), count(*) FROM {{{table}}}
        WHERE CAST(date_created AT TIME ZONE 'UTC' AS DATE) = '{day}' GROUP BY 1"""
    rows = asked(counted)
    assert rows
    for state, number in rows:
        row = told.get_by_role("row", name=f"state {state} {number}", exact=True)
        expect(row).to_be_visible()


def a_picture(day: str) -> tuple[str, str]:
    """The beginning of a prompt of that day, and where its picture is archived."""
    prompt, path = asked(
        f"""SELECT i.prompt, f.archived_path
        FROM {{images}} AS i JOIN {{asset_file}} AS f ON f.job_id = i.id
        WHERE f.role = 'grid' AND f.state = 'archived'
            AND CAST(i.date_created AT TIME ZONE 'UTC' AS DATE) = '{day}' ORDER BY i.id"""
    )[0]
    return " ".join(prompt.split())[:60], path


def asked(sql: str) -> list[tuple[Any, ...]]:
    return warehouse.query(provider_named("imagine_api"), demo_settings(), sql) or []
