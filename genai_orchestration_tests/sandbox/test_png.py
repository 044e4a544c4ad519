"""The sandbox's pictures are real PNG files, and tell their texts apart."""

import struct
import zlib
from collections.abc import Iterator

import pytest

from genai_orchestration.sandbox.png import SIGNATURE, picture


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """(kind, body, CRC) of every chunk of a PNG."""
    position = len(SIGNATURE)
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        body = data[position + 8 : position + 8 + length]
        (crc,) = struct.unpack_from(">I", data, position + 8 + length)
        yield kind, body, crc
        position += 12 + length


@pytest.mark.parametrize("size", [(256, 256), (1200, 628), (1, 1), (3, 700)])
def test_a_picture_is_a_png_of_the_size_asked_for(size: tuple[int, int]) -> None:
    data = picture("a sneaker", *size)
    assert data.startswith(SIGNATURE)
    parts = list(chunks(data))
    assert [kind for kind, _, _ in parts] == [b"IHDR", b"IDAT", b"IEND"]
    assert all(zlib.crc32(kind + body) == crc for kind, body, crc in parts)
    assert struct.unpack(">IIBBBBB", parts[0][1]) == (*size, 8, 2, 0, 0, 0)
    width, height = size
    assert len(zlib.decompress(parts[1][1])) == height * (1 + 3 * width)


def test_the_same_text_gives_the_same_picture_and_another_text_another() -> None:
    assert picture("a sneaker") == picture("a sneaker")
    assert len({picture(f"prompt {number}") for number in range(50)}) == 50
