"""Sizes read from headers, beside those that Pillow finds; what Pillow makes is what we read."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings, strategies
from PIL import Image

from genai_orchestration.archive.checks import content_of
from genai_orchestration.archive.picture_size import NotWhole, size_of

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
    form = FORMATS[name][0]
    whole = made(*FORMATS[name], (640, 480)).getvalue()
    for length in range(min(len(whole), 200)):
        try:
            size = size_of(EXTENSIONS[form], BytesIO(whole[:length]))
        except NotWhole:
            continue
        assert size == (640, 480)


@settings(max_examples=300, deadline=None)
@given(strategies.sampled_from(sorted(set(EXTENSIONS.values()))), strategies.binary(max_size=400))
def test_no_bytes_crash_a_reader(extension: str, body: bytes) -> None:
    try:
        size = size_of(extension, BytesIO(body))
    except ValueError:
        return
    assert size
    assert min(size) > 0
