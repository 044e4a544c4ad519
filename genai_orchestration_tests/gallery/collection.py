"""A warehouse and an archive with a few pictures, for the tests of the gallery."""

import hashlib
from datetime import datetime, timedelta, timezone
from io import BytesIO
from typing import Any

from PIL import Image

from genai_orchestration.loading import generations
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.warehouse_rows import put

AT = datetime(2026, 3, 10, 12, tzinfo=timezone.utc)
HOSTILE = '<img src=x onerror="window.hacked=1"> ![](https://evil.test/p.png) $\\evil$ </script>'


def image(id_: str, prompt: str, **more: Any) -> dict[str, Any]:
    """A finished image of ImagineAPI."""
    done = {"status": "completed", "state": "SUCCEEDED"}
    return {"id": id_, "prompt": prompt, "date_created": AT, **done, **more}


def archived(settings: Settings, job_id: str, colour: str, role: str = "grid") -> dict[str, Any]:
    """A picture of one colour in the archive, and its row."""
    made = BytesIO()
    Image.new("RGB", (1024, 768), colour).save(made, "PNG")
    sha256 = hashlib.sha256(made.getvalue()).hexdigest()
    path = f"{sha256[:2]}/{sha256}.png"
    file = settings.home / "archive" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(made.getvalue())
    told = {
        "sha256": sha256,
        "archived_path": path,
        "bytes": len(made.getvalue()),
        "state": "archived",
    }
    size = {"width": 1024, "height": 768, "content_type": "image/png"}
    return {"job_id": job_id, "kind": "image", "role": role, **told, **size}


def fill(settings: Settings) -> None:
    """Foxes, a lighthouse, a failure and a hostile prompt; more images than a page has."""
    put(
        settings,
        "imagine_api",
        "images",
        image("fox-1", "a red fox in fresh snow"),
        image("fox-2", "A Fox, reading; 100% red", date_created=AT - timedelta(days=1)),
        image("light", "a lighthouse at dawn"),
        image("failed", "a bowl of blood", state="FAILED", status="failed", error="banned word"),
        image("hostile", HOSTILE, url="javascript:alert(1)"),
        *(image(f"crab-{n:02}", f"crab number {n}", date_created=AT - timedelta(days=9, hours=n))
          for n in range(60)),
    )  # fmt: skip
    put(
        settings,
        "imagine_api",
        "asset_file",
        archived(settings, "fox-1", "red"),
        archived(settings, "fox-1", "darkred", role="quadrant_1"),
        archived(settings, "fox-2", "orange"),
        archived(settings, "light", "blue"),
    )
    asked = {"state": "submitted", "campaign": "spring", "submitted_at": AT}
    request = {"request_key": "k-1", "provider_job_id": "fox-1", "credits_charged": 7}
    ended = {"job_state": "SUCCEEDED", "job_finished_at": AT + timedelta(seconds=42)}
    put(settings, "imagine_api", "images_create", {**request, **asked, **ended})
    put(settings, "magic_hour", "credits", {"read_at": AT, "credits": 900})
    generations.build(settings)
