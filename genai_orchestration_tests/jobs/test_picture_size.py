"""Sizes read from headers, beside those that Pillow finds; what Pillow makes is what we read."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings, strategies
from PIL import Image

from genai_orchestration.jobs.archive_checks import content_of
from genai_orchestration.jobs.archive_refusals import Refused
from genai_orchestration.jobs.picture_size import size_of

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("PNG", {}),
    "interlaced gif": ("GIF", {"interlace": 1}),
    "jpg": ("JPEG", {}),
    "progressive jpg": ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + bytes(9000)}),
    "lossy webp": ("WEBP", {"quality": 50}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "extended webp": ("WEBP", {"exif": b"Exif\0\0II*\0"}),
    "avif": ("AVIF", {}),
}
EXTENSIONS = {"PNG": "png", "GIF": "gif", "JPEG": "jpg", "WEBP": "webp", "AVIF": "avif"}


def made(form: str, options: dict[str, Any], size: tuple[int, int]) -> BytesIO:
    into = BytesIO()
    Image.new("RGB", size, "teal").save(into, form, **options)
    return into


@pytest.mark.parametrize("size", [(1, 1), (640, 480), (1023, 7), (300, 1025)])
@pytest.mark.parametrize("name", FORMATS)
def test_it_is_the_size_that_pillow_wrote(name: str, size: tuple[int, int]) -> None:
    form, options = FORMATS[name]
    content = content_of(made(form, options, size), picture=True)
    assert (content.width, content.height) == size
    assert (content.extension, content.content_type) == (
        EXTENSIONS[form],
        f"image/{form.lower()}",
    )


def test_a_transparent_or_moving_picture_has_the_size_of_its_canvas() -> None:
    frames = [Image.new("RGBA", (90, 60), colour) for colour in ("teal", "navy")]
    for form in ("WEBP", "GIF", "AVIF"):
        into = BytesIO()
        frames[0].save(into, form, save_all=True, append_images=frames[1:])
        content = content_of(into, picture=True)
        assert (content.width, content.height) == (90, 60)


@pytest.mark.parametrize("name", FORMATS)
def test_half_a_header_is_told_and_never_crashes(name: str) -> None:
    whole = made(*FORMATS[name], (640, 480)).getvalue()
    for length in range(min(len(whole), 200)):
        try:
            content = content_of(BytesIO(whole[:length]), picture=True)
        except Refused:
            continue
        assert (content.width, content.height) == (640, 480)


@settings(max_examples=300, deadline=None)
@given(strategies.sampled_from(sorted(set(EXTENSIONS.values()))), strategies.binary(max_size=400))
def test_no_bytes_crash_a_reader(extension: str, body: bytes) -> None:
    try:
        size = size_of(extension, BytesIO(body))
    except ValueError:
        return
    assert size
    assert min(size) > 0


@pytest.mark.parametrize(
    ("begin", "extension", "content_type"),
    [
        (b"%PDF-1.7\n", "pdf", "application/pdf"),
        (b"PK\x03\x04\x14\0", "zip", "application/zip"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "mp4", "video/mp4"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "mp4", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "mov", "video/quicktime"),
    ],
)
def test_what_is_no_picture_is_known_by_its_first_bytes(
    begin: bytes, extension: str, content_type: str
) -> None:
    content = content_of(BytesIO(begin), picture=False)
    assert (content.extension, content.content_type) == (extension, content_type)
    assert content.width is None
