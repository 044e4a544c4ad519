"""The gallery as one HTML page that needs no server: the newest pictures are inside it.

Prompts are untrusted: the template escapes everything, and the page's own policy allows nothing
but its one script. Addresses are left out: they die, and may be signed.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genai_orchestration import clock
from genai_orchestration.gallery import pictures, rows
from genai_orchestration.settings import Settings

NEWEST = 500  # images in the page: some 5 MB
SCRIPT = """
const figures = [...document.querySelectorAll("figure")];
document.getElementById("search").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\\s+/);
  for (const figure of figures) {
    const prompt = figure.querySelector("span").textContent.toLowerCase();
    figure.hidden = !words.every((word) => prompt.includes(word));
  }
});
"""


def export(settings: Settings, file: Path, newest: int = NEWEST) -> tuple[int, int]:
    """Write the page; how many images are in it, and how many there are in all."""
    from jinja2 import Environment, PackageLoader

    loader = PackageLoader("genai_orchestration.gallery", "")
    template = Environment(loader=loader, autoescape=True).get_template("export.html.j2")
    found = rows.page(settings, rows.Filters(), size=newest)
    shown = [{**row, "image": _image(settings, row)} for row in found.rows]
    page = template.render(
        rows=shown,
        total=found.total,
        without=sum(not row["image"] for row in shown),
        at=f"{clock.now():%Y-%m-%d %H:%M UTC}",
        script=SCRIPT,
        script_hash=base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode(),
    )
    file.write_text(page, encoding="utf-8")
    return len(shown), found.total


def _image(settings: Settings, row: Mapping[str, Any]) -> str | None:
    """The thumbnail in base64; None when the archive has none."""
    try:
        return base64.b64encode(pictures.thumbnail(settings, row["picture"] or "")).decode()
    except pictures.NoPicture:
        return None
