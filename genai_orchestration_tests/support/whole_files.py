"""Small whole files of every kind that the archive takes, as real writers make them."""

import struct
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import Image

FRAMES = [Image.new("RGB", (5, 4), colour) for colour in ("teal", "navy", "teal")]
MOVING = {"save_all": True, "append_images": FRAMES[1:]}
THUMBNAIL = b"Exif\0\0" + b"\xff\xd8\xff\xe0\0\x02\xff\xd9" * 9  # pictures within the picture
PICTURES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {}),
    "moving png": ("PNG", MOVING),
    "gif": ("GIF", {}),
    "moving gif": ("GIF", {**MOVING, "loop": 0, "comment": b"; a trailer's byte ;"}),
    "jpg": ("JPEG", {}),
    "progressive jpg": ("JPEG", {"progressive": True, "exif": THUMBNAIL}),
    "jpg with restarts": ("JPEG", {"restart_marker_blocks": 1}),
    "lossy webp": ("WEBP", {"quality": 50}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "moving webp": ("WEBP", {**MOVING, "exif": b"Exif\0\0II*\0"}),
    "avif": ("AVIF", {}),
    "moving avif": ("AVIF", MOVING),
}


def saved(form: str, options: Mapping[str, Any]) -> bytes:
    """A small picture as Pillow saves it."""
    into = BytesIO()
    FRAMES[0].save(into, form, **options)
    return into.getvalue()


def box(name: bytes, content: bytes = b"") -> bytes:
    """A box of an MP4, QuickTime or AVIF file."""
    return struct.pack(">I4s", 8 + len(content), name) + content


def long_box(name: bytes, content: bytes) -> bytes:
    """The same, with a length of 64 bits."""
    return struct.pack(">I4sQ", 1, name, 16 + len(content)) + content


def zipped() -> bytes:
    """A zip that holds another one as it is, the end of a directory within."""
    inner, outer = BytesIO(), BytesIO()
    for into, name, content in ((inner, "index.html", b"<p>"), (outer, "inner.zip", None)):
        with zipfile.ZipFile(into, "w") as archive:
            archive.writestr(name, inner.getvalue() if content is None else content)
    return outer.getvalue()


OTHERS: Mapping[str, bytes] = {
    "pdf": saved("PDF", MOVING),
    "zip": zipped(),
    "mp4": box(b"ftyp", b"mp42\0\0\0\0mp42isom")
    + box(b"moov", bytes(40))
    + box(b"mdat", b"frames"),
    "mp4 with its list behind": (
        box(b"ftyp", b"isom\0\0\2\0isom") + long_box(b"mdat", b"frames") + box(b"moov", bytes(40))
    ),
    "mov": box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"mdat", b"frames") + box(b"moov", bytes(40)),
}
TYPES = {
    "png": "image/png",
    "gif": "image/gif",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "restarts": "image/jpeg",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "mp4": "video/mp4",
    "behind": "video/mp4",
    "mov": "video/quicktime",
}
FILES: Mapping[str, bytes] = {
    **{name: saved(*made) for name, made in PICTURES.items()},
    **OTHERS,
}
CUT_OFF_ALSO = b"\r\n"  # a PDF's last line end: without it, it is whole


def content_type(name: str) -> str:
    """What the file of that name is."""
    return TYPES[name.rpartition(" ")[2]]
