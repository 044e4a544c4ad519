"""The gallery: every picture with its prompt, its cost and its fate, in the browser.

    warehouse ─ short reads, LIMIT in SQL ─► rows ─► cards, charts ─► app.py (marimo)
    archive ─ small pictures, made once ───► pictures ──────────────► server.py ─► browser
                                                └─► export.py ─► one HTML page, no server

marimo and altair are an extra of their own, and are imported where they are used.
"""

import importlib.util

from genai_orchestration.errors import UserError

NEEDED = {"altair": "altair", "marimo": "marimo", "PIL": "pillow"}  # module -> its distribution


class GalleryNotInstalled(UserError):
    """The extra with what the gallery is made of is missing."""


def check_installed() -> None:
    """GalleryNotInstalled names what is missing, and the command that installs it."""
    missing = [name for module, name in NEEDED.items() if not importlib.util.find_spec(module)]
    if missing:
        raise GalleryNotInstalled(
            f"The gallery needs {', '.join(missing)}: run pip install "
            "'genai_orchestration[gallery]' (in a clone: pip install -e '.[gallery]')."
        )
