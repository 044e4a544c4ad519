"""What a file is, by its own bytes: what a server or a name says of it is not believed.

file ─► first bytes on the list? ─► a picture where one is due? ─► not too many pixels? ─► Content
              │ no                                                 whole, to its end? ─┘
              ├─ empty, a page, JSON, XML, text: servers answer so in passing ─► UnexpectedAnswer
              └─ anything else ─► FileRefused            a file that is cut ─► NotFetched
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from genai_orchestration.archive.file_end import check_end
from genai_orchestration.archive.picture_size import NotWhole, Size, size_of
from genai_orchestration.archive.refusals import FileRefused, NotFetched, UnexpectedAnswer

PIXELS = 300_000_000  # Magic Hour makes 268 million of its largest input; nobody makes more
BEGIN = 512  # bytes that show the kind
SHORTEST = 12  # bytes that show it of any file on the list


@dataclass(frozen=True)
class Content:
    """What a file is."""

    extension: str
    content_type: str
    width: int | None = None  # pixels; None for what is no picture
    height: int | None = None


def content_of(file: BinaryIO, *, picture: bool) -> Content:
    """What the file is, once it is a whole picture, PDF, video or zip; with `picture`, a picture.

    Raises Refused for anything else, NotFetched for a file that is not whole, and UnexpectedAnswer
    for what is no file at all, but a server's words in place of one.
    """
    file.seek(0)
    begin = file.read(BEGIN)
    extension, content_type = _kind(begin)
    if picture and not content_type.startswith("image/"):
        raise FileRefused(f"It is {content_type}, where a picture is due.")
    try:
        size = size_of(extension, file)
        _check_pixels(size)
        check_end(extension, file)
    except NotWhole as error:
        raise NotFetched(f"It begins like {content_type}, but {error}.", again=False) from None
    except ValueError as error:
        raise FileRefused(f"It begins like {content_type}, but {error}.") from None
    return Content(extension, content_type, *(size or ()))


def _check_pixels(size: Size | None) -> None:
    width, height = size or (0, 0)
    if width * height > PIXELS:
        raise FileRefused(
            f"It unfolds to {width} x {height} pixels, which is over the limit of "
            f"{PIXELS // 1_000_000} million: such a picture fills the memory of who opens it."
        )


def _kind(begin: bytes) -> tuple[str, str]:
    for magic, extension, content_type in MAGIC:
        if begin.startswith(magic):
            return extension, content_type
    if begin[:4] == b"RIFF" and begin[8:12] == b"WEBP":
        return "webp", "image/webp"
    if begin[4:8] == b"ftyp" and len(begin) >= SHORTEST:
        return _boxed(begin)
    raise _unknown(begin)


def _boxed(begin: bytes) -> tuple[str, str]:
    """AVIF, MP4 and QuickTime share their box format: the brands distinguish them."""
    brand, end = begin[8:12], int.from_bytes(begin[:4], "big")
    compatible = {begin[at : at + 4] for at in range(16, min(end, BEGIN), 4)}
    if brand in AVIF or (brand in HEIF and compatible & AVIF):
        return "avif", "image/avif"
    if brand in HEIF and len(begin) < end:
        raise NotFetched("It ends within its first box.", again=False)
    if brand == b"qt  ":
        return "mov", "video/quicktime"
    if brand in VIDEO or brand.startswith((b"iso", b"mp4")):
        return "mp4", "video/mp4"
    raise FileRefused(
        f"It is a media file of the brand {brand!r}: only {', '.join(ALLOWED)} are kept."
    )


def _unknown(begin: bytes) -> FileRefused | NotFetched:
    """Why a file is not kept whose first bytes are those of no kind on the list."""
    kept = f"only {', '.join(ALLOWED)} are kept"
    text = begin.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text:
        return FileRefused(f"It is SVG, which can run scripts: {kept}.")
    if message := _words(begin, text):
        return UnexpectedAnswer(f"It is {message}: {kept}.")
    if len(begin) < SHORTEST:
        return NotFetched(f"It has {len(begin)} bytes, and no more: {kept}.", again=False)
    first = begin[:8].hex(" ")
    return FileRefused(f"It is of no kind that is known (it begins with {first}): {kept}.")


def _words(begin: bytes, text: bytes) -> str:
    """What a server says in place of a file, in a word; nothing for what is no text."""
    if not text:
        return "empty"
    if text.startswith(HTML) or b"<html" in text or b"<script" in text:
        return "HTML"
    if text.startswith((b"{", b"[")):
        return "JSON"
    if text.startswith(b"<?xml"):
        return "XML"
    shown = str(text, "utf-8", "replace").rstrip("\ufffd")  # half a character at its end, at most
    plain = "\ufffd" not in shown and all(each.isprintable() or each in "\t\r\n" for each in shown)
    begun = b"RIFF".startswith(begin[:4]) or any(magic.startswith(begin) for magic, *_ in MAGIC)
    return "text" if plain and not begun and not text.startswith(b"#!") else ""


MAGIC: Sequence[tuple[bytes, str, str]] = (
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"GIF87a", "gif", "image/gif"),
    (b"GIF89a", "gif", "image/gif"),
    (b"%PDF-", "pdf", "application/pdf"),
    (b"PK\x03\x04", "zip", "application/zip"),
)
AVIF = {b"avif", b"avis"}
HEIF = {b"mif1", b"msf1", b"miaf"}  # brands of a family: the compatible ones say which of it
VIDEO = (b"avc1", b"M4V ", b"dash", b"MSNV")
ALLOWED = ("PNG", "JPEG", "WebP", "GIF", "AVIF", "PDF", "MP4", "MOV", "ZIP")
HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<!--")
