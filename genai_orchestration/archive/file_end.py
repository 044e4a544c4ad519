"""Whether a file is all there: its own structure is followed to the end that its format gives it.

    PNG   chunks, to IEND               AVIF, MP4, MOV  boxes, and the data that they speak of
    JPEG  segments and scans, to EOI    ZIP             the directory at the end
    GIF   blocks, to the trailer        PDF             startxref and %%EOF
    WebP  chunks, to the RIFF length

Bytes behind that end are left alone: many writers add some. Two cuts cannot be seen, for what is
left is a file of its own: before an update that was appended to a PDF, and between the fragments of
a video. Nothing is decoded, and memory does not grow with the file.
"""

import os
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import BinaryIO

from genai_orchestration.archive.picture_size import PARTS, SEGMENTS, NotWhole, boxes, read_at

READ = 64 * 1024  # bytes that are read at once
TAIL = 66 * 1024  # bytes at the end that hold a ZIP's last record, whose comment may have 64 KB
SOI = b"\xff\xd8\xff"  # how a JPEG begins
MARKER = re.compile(rb"\xff([\xc0-\xc7\xc9-\xcf\xd9-\xef\xfe])")  # those that begin or end a part
EOI = 0xD9  # end of image
LAST = re.compile(rb"startxref\s+(\d{1,15})\s+%%EOF[\s\0]*\Z")
EOCD = struct.Struct("<4s4H2LH")  # a ZIP's end of central directory


def check_end(extension: str, file: BinaryIO) -> None:
    """NotWhole when the file ends too early; ValueError when its structure makes no sense."""
    _READERS[extension](file)


def _png(file: BinaryIO) -> None:
    file.seek(8)
    for _ in range(PARTS):
        length, name = struct.unpack(">I4s", _read(file, 8))
        checksum = zlib.crc32(name)
        while length:
            part = _read(file, min(length, READ))
            checksum, length = zlib.crc32(part, checksum), length - len(part)
        critical = not name[0] & 0x20
        if checksum != int.from_bytes(_read(file, 4), "big") and critical:
            raise NotWhole(f"its part {name.decode('latin-1')!r} is damaged")
        if name == b"IEND":
            return
    raise ValueError("it has too many parts")


def _jpeg(file: BinaryIO) -> None:
    """The picture, and any other one behind it: phones keep several in one file."""
    offset = 2
    for _ in range(SEGMENTS):
        marker, offset = _marker(file, offset)
        if marker != EOI:
            (length,) = read_at(file, offset, ">H")
            offset += length
            continue
        file.seek(offset)
        head = file.read(READ).lstrip(b"\0")[:3]
        if not head or not SOI.startswith(head):
            return
    raise ValueError("it has too many parts")


def _marker(file: BinaryIO, offset: int) -> tuple[int, int]:
    """The next marker from there on, and the offset behind it; a scan's own bytes have none."""
    file.seek(offset)
    last = b""
    while part := file.read(READ):
        window = last + part
        if found := MARKER.search(window):
            return found[1][0], offset - len(last) + found.end()
        offset, last = offset + len(part), part[-1:]
    raise NotWhole("it ends too early")


def _gif(file: BinaryIO) -> None:
    file.seek(10)
    _colours(file, _read(file, 3)[0])
    for _ in range(PARTS):
        match _read(file, 1):
            case b"\x3b":
                return
            case b"\x21":
                _read(file, 1)
                _sub_blocks(file)
            case b"\x2c":
                _colours(file, _read(file, 9)[8])
                _read(file, 1)
                _sub_blocks(file)
            case b"\0":
                pass  # some writers leave one too many
            case _:
                raise NotWhole("one of its blocks is damaged")
    raise ValueError("it has too many parts")


def _colours(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        _read(file, 3 << (flags & 7) + 1)


def _sub_blocks(file: BinaryIO) -> None:
    for _ in range(PARTS):
        (length,) = _read(file, 1)
        if not length:
            return
        _read(file, length)
    raise ValueError("it has too many parts")


def _webp(file: BinaryIO) -> None:
    total = file.seek(0, os.SEEK_END)
    (length,) = read_at(file, 4, "<I")
    end, offset, pictures = 8 + length, 12, 0
    if end > total:
        raise NotWhole("it ends too early")
    for _ in range(PARTS):
        if offset >= end - 1:
            break
        name, size = read_at(file, offset, "<4sI")
        pictures += name in (b"VP8 ", b"VP8L", b"ANMF")
        offset += 8 + size + size % 2
    if offset > total or not pictures:
        raise NotWhole("it ends too early")


def _avif(file: BinaryIO) -> None:
    found = {name for name, *_ in boxes(file)}
    if not found & {b"meta", b"moov"} or b"mdat" not in found:
        raise NotWhole("it ends before its data")


def _video(file: BinaryIO) -> None:
    if not {b"moov", b"mdat"} <= {name for name, *_ in boxes(file)}:
        raise NotWhole("it ends before its data, or before the list of it")


def _zip(file: BinaryIO) -> None:
    total = file.seek(0, os.SEEK_END)
    begin = max(0, total - TAIL)
    file.seek(begin)
    tail = file.read(TAIL)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + EOCD.size:
        raise NotWhole("its directory, which is at its end, is missing")
    *_, size, offset, comment = EOCD.unpack_from(tail, at)
    far = tail[max(0, at - 20) : at].startswith(b"PK\6\7")  # ZIP64, whose record has the numbers
    if total < begin + at + EOCD.size + comment or (offset + size != begin + at and not far):
        raise NotWhole("its directory, which is at its end, is not of this file")


def _pdf(file: BinaryIO) -> None:
    total = file.seek(0, os.SEEK_END)
    file.seek(max(0, total - READ))
    found = LAST.search(file.read(READ))
    if found is None or not 0 < int(found[1]) < total:
        raise NotWhole("it ends too early")


def _read(file: BinaryIO, length: int) -> bytes:
    found = file.read(length)
    if len(found) < length:
        raise NotWhole("it ends too early")
    return found


_READERS: Mapping[str, Callable[[BinaryIO], None]] = {
    "png": _png,
    "jpg": _jpeg,
    "gif": _gif,
    "webp": _webp,
    "avif": _avif,
    "mp4": _video,
    "mov": _video,
    "zip": _zip,
    "pdf": _pdf,
}
