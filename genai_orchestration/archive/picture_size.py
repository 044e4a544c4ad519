"""Width and height of a picture from its header alone: nothing is decoded, little is read.

A picture of a few kilobytes may unfold to gigabytes; who opens it to see its size has lost already.
Decoding libraries, Pillow among them, read some formats as a whole only to open them.
"""

import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

META = 256 * 1024  # bytes within which the box `meta` of an AVIF has its size
PARTS = 2_000_000  # of a file, at most: one of millions of tiny ones takes minutes
SEGMENTS = 10_000  # of a JPEG, at most
# start of frame: the markers from C0 to CF, without the tables and arithmetic coding among them
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

Size = tuple[int, int]


class NotWhole(ValueError):
    """The file ends before its own structure does, or bytes within it are damaged."""


def size_of(extension: str, file: BinaryIO) -> Size | None:
    """Pixels as (width, height); None for what is no picture.

    NotWhole when the file ends before its size, ValueError for a broken header.
    """
    reader = _READERS.get(extension)
    if reader is None:
        return None
    width, height = reader(file)
    if width < 1 or height < 1:
        raise ValueError(f"it is {width} x {height} pixels")
    return width, height


def read_at(file: BinaryIO, offset: int, form: str) -> tuple[Any, ...]:
    """The numbers at that offset, as `struct` reads them; NotWhole when the file is shorter."""
    file.seek(offset)
    found = file.read(struct.calcsize(form))
    if len(found) < struct.calcsize(form):
        raise NotWhole("it ends too early")
    return struct.unpack(form, found)


def boxes(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, beginning of the content and end of each outer box of an AVIF, MP4 or QuickTime file.

    NotWhole when a box is longer than the file. A length of 0 is that of a last box which goes on
    to the end of the file, wherever that is. What follows the boxes and has no name is no box.
    """
    total, offset = file.seek(0, os.SEEK_END), 0
    for _ in range(PARTS):
        if offset >= total:
            return
        length, number = read_at(file, offset, ">II")
        name, header = struct.pack(">I", number), 8
        if not name.decode("latin-1").isprintable():
            return
        if length == 1:  # 64 bits of it, behind the name
            ((length,), header) = read_at(file, offset + 8, ">Q"), 16
        end = offset + length if length else total
        if end > total:
            raise NotWhole("it ends too early")
        if end < offset + header:
            raise ValueError("its boxes are broken")
        yield name, offset + header, end
        offset = end


def _png(file: BinaryIO) -> Size:
    width, height = read_at(file, 16, ">II")
    return width, height


def _gif(file: BinaryIO) -> Size:
    width, height = read_at(file, 6, "<HH")
    return width, height


def _webp(file: BinaryIO) -> Size:
    (kind,) = read_at(file, 12, "4s")
    match kind:
        case b"VP8X":  # extended: 24 bits each, less one
            parts = read_at(file, 24, "<HBHB")
            return parts[0] + (parts[1] << 16) + 1, parts[2] + (parts[3] << 16) + 1
        case b"VP8L":  # lossless: 14 bits each, less one
            (bits,) = read_at(file, 21, "<I")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = read_at(file, 26, "<HH")
            return width & 0x3FFF, height & 0x3FFF
    raise ValueError("its header is broken")


def _jpeg(file: BinaryIO) -> Size:
    for marker, offset in _segments(file):
        if marker in FRAMES:
            height, width = read_at(file, offset + 3, ">HH")
            return width, height
    raise ValueError("its header is broken")


def _segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Marker and place of each segment of a JPEG."""
    offset = 2
    for _ in range(SEGMENTS):
        start, marker = read_at(file, offset, "BB")
        if start != 0xFF:
            return
        if marker == 0xFF:  # filling
            offset += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # alone, without a length
            offset += 2
        else:
            yield marker, offset + 2
            (length,) = read_at(file, offset + 2, ">H")
            offset += 2 + length


def _avif(file: BinaryIO) -> Size:
    """The largest of the picture's parts: `ispe` boxes hold the size of each."""
    for name, begin, end in boxes(file):
        if name == b"meta":
            file.seek(begin)
            head = file.read(min(end - begin, META))
            places = [found.end() + 4 for found in re.finditer(rb"ispe", head)]
            sizes = [
                struct.unpack(">II", head[at : at + 8]) for at in places if at + 8 <= len(head)
            ]
            width, height = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
            return width, height
    raise NotWhole("it ends before its size")


_READERS: Mapping[str, Callable[[BinaryIO], Size]] = {
    "png": _png,
    "gif": _gif,
    "webp": _webp,
    "jpg": _jpeg,
    "avif": _avif,
}
