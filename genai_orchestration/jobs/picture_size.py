"""Width and height of a picture from its header alone: nothing is decoded, little is read.

A picture of a few kilobytes may unfold to gigabytes; who opens it to see its size has lost already.
Decoding libraries, Pillow among them, read some formats as a whole only to open them.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

HEAD = 256 * 1024  # bytes within which an AVIF tells its size
SEGMENTS = 10_000  # of a JPEG before its size, at most
# start of frame: the markers from C0 to CF, without the tables and arithmetic coding among them
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

Size = tuple[int, int]


def size_of(extension: str, file: BinaryIO) -> Size | None:
    """Pixels as (width, height); None for what is no picture, ValueError for a broken header."""
    reader = _READERS.get(extension)
    if reader is None:
        return None
    try:
        width, height = reader(file)
    except (struct.error, IndexError, StopIteration):
        raise ValueError("its header is broken") from None
    if width < 1 or height < 1:
        raise ValueError(f"it is {width} x {height} pixels")
    return width, height


def _at(file: BinaryIO, offset: int, form: str) -> tuple[int, ...]:
    file.seek(offset)
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _png(file: BinaryIO) -> Size:
    width, height = _at(file, 16, ">II")
    return width, height


def _gif(file: BinaryIO) -> Size:
    width, height = _at(file, 6, "<HH")
    return width, height


def _webp(file: BinaryIO) -> Size:
    file.seek(12)
    match file.read(4):
        case b"VP8X":  # extended: 24 bits each, less one
            parts = _at(file, 24, "<HBHB")
            return parts[0] + (parts[1] << 16) + 1, parts[2] + (parts[3] << 16) + 1
        case b"VP8L":  # lossless: 14 bits each, less one
            (bits,) = _at(file, 21, "<I")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = _at(file, 26, "<HH")
            return width & 0x3FFF, height & 0x3FFF
    raise ValueError("its header is broken")


def _jpeg(file: BinaryIO) -> Size:
    for marker, offset in _segments(file):
        if marker in FRAMES:
            height, width = _at(file, offset + 3, ">HH")
            return width, height
    raise ValueError("its header is broken")


def _segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Marker and place of each segment of a JPEG."""
    offset = 2
    for _ in range(SEGMENTS):
        start, marker = _at(file, offset, "BB")
        if start != 0xFF:
            return
        if marker == 0xFF:  # filling
            offset += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # alone, without a length
            offset += 2
        else:
            yield marker, offset + 2
            (length,) = _at(file, offset + 2, ">H")
            offset += 2 + length


def _avif(file: BinaryIO) -> Size:
    """The largest of the picture's parts: `ispe` boxes hold the size of each."""
    file.seek(0)
    head = file.read(HEAD)
    places = [found.end() + 4 for found in re.finditer(rb"ispe", head)]
    sizes = [struct.unpack(">II", head[at : at + 8]) for at in places]
    width, height = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    return width, height


_READERS: Mapping[str, Callable[[BinaryIO], Size]] = {
    "png": _png,
    "gif": _gif,
    "webp": _webp,
    "jpg": _jpeg,
    "avif": _avif,
}
