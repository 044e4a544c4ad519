"""The README's pictures, of the demo: `make screenshots`. It takes two minutes or so.

genai demo ─► all is loaded ─► the walk of the browser test, with a camera ─► docs/*.png
"""

import tempfile
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page
from rich.console import Console

from genai_orchestration_tests.support import walk
from genai_orchestration_tests.support.browser import chromium
from genai_orchestration_tests.support.command import served
from genai_orchestration_tests.support.dagster_client import Dagster, free_port, until

FOLDER = Path(__file__).parent
PATIENCE = 600  # seconds

console = Console()


def main() -> None:
    """Start the demo, wait, and photograph it; its state is in a folder of its own."""
    with (
        tempfile.TemporaryDirectory() as home,
        chromium() as page,
        served("demo", "--port", str(free_port()), GENAI_HOME=home) as url,
        console.status("Waiting until the demo has loaded everything ..."),
    ):
        until("the demo has loaded everything", PATIENCE, lambda: loaded(Dagster(url)))
        page.set_viewport_size({"width": 1600, "height": 1060})  # the pictures of a day, as a whole
        walk.day(page, url, ("imagine_api", "images"), f"{datetime.now(timezone.utc):%Y-%m-%d}")
        photograph(page, "dagster")
        with served("gallery", "--demo", "--port", "0", GENAI_HOME=home) as gallery:
            cards = walk.search(page, gallery, "sofa tokyo")
            walk.details(page, cards.first)
            photograph(page, "gallery")


def loaded(ui: Dagster) -> bool:
    """Whether only the images that are stuck are open, and the newest run has gathered all."""
    seen = ui.last_tick("imagine_api_images_sensor").get("skipReason") or ""
    runs = [run for run in ui.runs() if "dagster/schedule_name" not in run["tags"]]
    gathered = runs[0]["tags"].get("dagster/sensor_name") == "genai_generations_sensor"
    return "2 images still open" in seen and gathered and runs[0]["status"] == "SUCCESS"


def photograph(page: Page, name: str) -> None:
    """The page as a picture of that name."""
    file = FOLDER / f"{name}.png"
    with Image.open(BytesIO(page.screenshot())) as seen:
        seen.convert("RGB").save(file, optimize=True)
    console.print(f"docs/{file.name}: {file.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
