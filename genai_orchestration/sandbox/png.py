"""Real PNG pictures without an imaging library: a gradient whose colours follow from its text."""

import hashlib
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture(text: str, width: int = 256, height: int = 256) -> bytes:
    """A valid RGB PNG of `width` x `height` pixels; the same text gives the same bytes.

    Two texts give two pictures a person can tell apart: both corner colours come from a hash.
    """
    digest = hashlib.sha256(text.encode()).digest()
    start, end, stripe = digest[0:3], digest[3:6], 8 + digest[6] % 24
    rows = b"".join(
        b"\0" + _row(start, end, y / max(height - 1, 1), width, stripe) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _row(start: bytes, end: bytes, share: float, width: int, stripe: int) -> bytes:
    colour = bytes(round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    darker = bytes(value * 3 // 4 for value in colour)
    band = colour * stripe + darker * stripe
    return (band * (width // (2 * stripe) + 1))[: 3 * width]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
