"""What a file is, by its own first bytes: what a server or a name says of it is not believed.

file ─► first bytes on the list? ─► a picture where one is due? ─► not too many pixels? ─► Content
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from genai_orchestration.jobs.archive_refusals import Refused
from genai_orchestration.jobs.picture_size import size_of

PIXELS = 300_000_000  # Magic Hour makes 268 million of its largest input; nobody makes more
BEGIN = 512  # bytes that tell the kind


@dataclass(frozen=True)
class Content:
    """What a file is."""

    extension: str
    content_type: str
    width: int | None = None  # pixels; None for what is no picture
    height: int | None = None


def content_of(file: BinaryIO, *, picture: bool) -> Content:
    """What the file is; Refused for anything but a picture, PDF, video or zip that is sound.

    With `picture`, nothing but a picture will do.
    """
    file.seek(0)
    begin = file.read(BEGIN)
    extension, content_type = _kind(begin)
    if picture and not content_type.startswith("image/"):
        raise Refused(f"It is {content_type}, where a picture is due.")
    try:
        size = size_of(extension, file)
    except ValueError as error:
        raise Refused(f"It begins like {content_type}, but {error}.") from None
    if size is None:
        return Content(extension, content_type)
    width, height = size
    if width * height > PIXELS:
        raise Refused(
            f"It unfolds to {width} x {height} pixels, which is over the limit of "
            f"{PIXELS // 1_000_000} million: such a picture fills the memory of who opens it."
        )
    return Content(extension, content_type, width, height)


def _kind(begin: bytes) -> tuple[str, str]:
    for magic, extension, content_type in MAGIC:
        if begin.startswith(magic):
            return extension, content_type
    if begin[:4] == b"RIFF" and begin[8:12] == b"WEBP":
        return "webp", "image/webp"
    if begin[4:8] == b"ftyp":
        return _boxed(begin)
    raise Refused(f"It is {_guess(begin)}: only {', '.join(ALLOWED)} are kept.")


def _boxed(begin: bytes) -> tuple[str, str]:
    """AVIF, MP4 and QuickTime share their box format: the brand tells them apart."""
    brand = begin[8:12]
    if brand in (b"avif", b"avis"):
        return "avif", "image/avif"
    if brand == b"qt  ":
        return "mov", "video/quicktime"
    if brand in VIDEO or brand.startswith((b"iso", b"mp4")):
        return "mp4", "video/mp4"
    raise Refused(f"It is a media file of the brand {brand!r}: only {', '.join(ALLOWED)} are kept.")


def _guess(begin: bytes) -> str:
    """What the beginning of a file that is not kept looks like, in a word."""
    text = begin.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return "SVG, which can run scripts"
    if text.startswith(HTML) or b"<html" in text or b"<script" in text:
        return "HTML"
    if not begin:
        return "empty"
    if text.startswith((b"{", b"[")):
        return "JSON"
    return f"of no kind that is known (it begins with {begin[:8].hex(' ')})"


MAGIC: Sequence[tuple[bytes, str, str]] = (
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"GIF87a", "gif", "image/gif"),
    (b"GIF89a", "gif", "image/gif"),
    (b"%PDF-", "pdf", "application/pdf"),
    (b"PK\x03\x04", "zip", "application/zip"),
)
VIDEO = (b"avc1", b"M4V ", b"dash", b"MSNV")
ALLOWED = ("PNG", "JPEG", "WebP", "GIF", "AVIF", "PDF", "MP4", "MOV", "ZIP")
HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")
