"""Pictures of the archive inside Dagster's metadata: they render after every address has died.

    path in the archive ─► small enough for 1,000 characters ─► ![caption](data:image/webp;...)

The web UI renders Markdown in place up to 1,000 characters, data: addresses too, and longer ones
only behind a click (seen in Dagster 1.13). So each picture is a value of its own, as large as fits.
"""

import base64
import importlib.util
import re
from collections.abc import Sequence

import dagster as dg

from genai_orchestration.gallery import pictures
from genai_orchestration.settings import Settings

MARKDOWN = 1000  # characters that the UI renders in place
SIDES = (160, 128, 96, 80, 64, 48, 32)  # pixels, the first that fits
QUALITY = 30
CAPTION = 60


def metadata(
    settings: Settings, newest: Sequence[tuple[str, str]]
) -> dict[str, dg.MarkdownMetadataValue]:
    """A value for each (path in the archive, caption) that is a picture; none without Pillow."""
    if not importlib.util.find_spec("PIL"):
        return {}
    shown = (_markdown(settings, path, caption) for path, caption in newest)
    return {
        f"newest {place}": dg.MetadataValue.md(markdown)
        for place, markdown in enumerate(filter(None, shown), 1)
    }


def _markdown(settings: Settings, path: str, caption: str) -> str | None:
    """The picture as Markdown, at most MARKDOWN characters; the caption is untrusted."""
    words = re.sub(r"[^\w .,:;-]", " ", caption)[:CAPTION].strip()
    try:
        content = pictures.original(settings, path)
        for side in SIDES:
            small = base64.b64encode(pictures.small(content, side, quality=QUALITY)).decode()
            markdown = f"![{words}](data:image/webp;base64,{small})"
            if len(markdown) <= MARKDOWN:
                return markdown
    except pictures.NoPicture:
        pass
    return None
