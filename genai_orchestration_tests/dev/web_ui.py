"""What a person does in Dagster's web UI: materialize, backfill, launch."""

import re

from playwright.sync_api import Page, expect

from genai_orchestration_tests.support.dagster_client import (
    LOCATION,
    Dagster,
    until,
)


def materialize(page: Page, ui: Dagster, table: str = "models") -> str:
    """Materialize one of Magic Hour's tables; the run's id, as the page tells it."""
    page.goto(f"{ui.url}/assets/magic_hour/{table}")
    page.get_by_role("button", name=re.compile("Materialize")).first.click()
    launched = page.get_by_text(re.compile("^Launched run"))
    expect(launched).to_be_visible()
    shown = (launched.text_content() or "").removeprefix("Launched run ")
    # a sensor may have launched another one meanwhile
    [run] = [run for run in ui.runs() if run["runId"].startswith(shown)]
    assert run["pipelineName"] == "__ASSET_JOB"
    return str(run["runId"])


def backfill(page: Page, ui: Dagster) -> None:
    """Launch a backfill of the two newest days of ImagineAPI's images."""
    asked = "{ partitionBackfillsOrError { ... on PartitionBackfills { results { id } } } }"
    page.goto(f"{ui.url}/assets/imagine_api/images")
    page.get_by_role("button", name=re.compile("Materialize")).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Failed and missing", exact=True).click()
    dialog.get_by_role("button", name="Launch backfill").click()
    found = lambda: ui.ask(asked)["partitionBackfillsOrError"]["results"]  # noqa: E731
    until("the backfill is there", 120, found)


def launch(page: Page, ui: Dagster) -> None:
    """Launch a job from the launchpad."""
    job = "magic_hour_load"
    page.goto(f"{ui.url}/locations/{LOCATION}/jobs/{job}/playground")
    page.get_by_role("button", name="Launch Run").click()
    until("its run is there", 120, lambda: job in {run["pipelineName"] for run in ui.runs()})
