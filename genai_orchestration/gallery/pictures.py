"""Pictures of the archive, small: made with Pillow when they are first requested, and kept.

path in the archive ─► thumbnails/<path>.webp, else made of the original ─► bytes
"""

import contextlib
import os
import re
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import fsspec

from genai_orchestration.archive.refusals import ArchiveUnusable
from genai_orchestration.archive.store import LocalStore
from genai_orchestration.settings import Settings

SIDE = 320  # pixels of a thumbnail's longer side: a card, on a screen with twice the pixels
QUALITY = 80
LARGEST = 64 * 1024 * 1024  # bytes of an original that is made small
MOST_PIXELS = 50_000_000  # a bomb of a few bytes can hold more
ARCHIVED = re.compile(r"[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{2,5}")  # a content address
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")


class NoPicture(Exception):
    """There is no picture to be made of it."""


def original(settings: Settings, path: str) -> bytes:
    """The archived file of that content address; NoPicture when it is not there, or too large."""
    if not ARCHIVED.fullmatch(path):
        raise NoPicture(f"{path!r} is no path of the archive")
    address, local = settings.archive, "://" not in settings.archive
    try:
        with (
            LocalStore(Path(address)).open(path)
            if local
            else fsspec.open(f"{address}/{path}", "rb")
        ) as file:
            content: bytes = file.read(LARGEST + 1) if file else b""
    except (OSError, ArchiveUnusable) as error:
        raise NoPicture(str(error)) from None
    if not content:
        raise NoPicture(f"{path} is not there")
    if len(content) > LARGEST:
        raise NoPicture(f"{path} has over {LARGEST} bytes")
    return content


def thumbnail(settings: Settings, path: str, side: int = SIDE) -> bytes:
    """The picture as WebP, at most `side` pixels wide and high; NoPicture when it is none."""
    kept = settings.home / "thumbnails" / str(side) / f"{path}.webp"
    if not ARCHIVED.fullmatch(path):
        raise NoPicture(f"{path!r} is no path of the archive")
    with contextlib.suppress(FileNotFoundError):
        return kept.read_bytes()
    made = small(original(settings, path), side)
    _keep(kept, made)
    return made


def small(content: bytes, side: int, format_: str = "WEBP", quality: int = QUALITY) -> bytes:
    """The picture, made small; NoPicture when the bytes are none that is known."""
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise NoPicture(f"{image.width} x {image.height} pixels are too many")
            image.draft("RGB", (side, side))  # a JPEG is decoded small at once
            fitting: Any = image.convert("RGB" if format_ == "JPEG" else "RGBA")
            fitting.thumbnail((side, side))
            made = BytesIO()
            fitting.save(made, format_, quality=quality)
            return made.getvalue()
    except (OSError, ValueError, SyntaxError) as error:
        raise NoPicture(str(error)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NoPicture(str(error)) from None  # even more pixels; a warning may be an error


def _keep(path: Path, content: bytes) -> None:
    """Write the file in one step: others may open it at this moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
