"""Whole or not at all: a file is kept when its end is there, and asked for again when it is not."""

import dataclasses
import random
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies
from PIL import Image

from genai_orchestration.archive.checks import content_of
from genai_orchestration.archive.refusals import FileRefused, NotFetched, UnexpectedAnswer
from genai_orchestration_tests.archive import one_server
from genai_orchestration_tests.support.file_server import (
    PNG,
    Answer,
    FileServer,
    archiver,
    kept,
    wanted,
)
from genai_orchestration_tests.support.whole_files import (
    FILES,
    OTHERS,
    PICTURES,
    box,
    content_type,
    saved,
)

running, provider = one_server.running, one_server.provider


def cuts(body: bytes) -> range:
    """Every length at which something of the file is missing; a line end behind it is not."""
    return range(1, len(body.rstrip(b"\r\n")) if body.startswith(b"%PDF") else len(body))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_cut_wherever_it_is_cut_and_whole_when_it_is_whole(name: str) -> None:
    body = FILES[name]
    found = content_of(BytesIO(body), picture=name not in OTHERS)
    assert found.content_type == content_type(name)
    assert ((found.width, found.height) == (5, 4)) is (name in PICTURES)
    for length in cuts(body):
        with pytest.raises(NotFetched) as error:
            content_of(BytesIO(body[:length]), picture=name not in OTHERS)
        assert not isinstance(error.value, UnexpectedAnswer), length


@pytest.mark.parametrize("name", FILES)
def test_over_http_a_part_with_a_matching_length_is_asked_for_again_until_it_is_whole(
    provider: FileServer, tmp_path: Path, name: str
) -> None:
    body = FILES[name]
    some = sorted({1, len(body) - 3, *random.Random(name).sample(cuts(body), 10)})
    urls = {provider.serve(f"/{length}", Answer(body[:length])): length for length in some}
    keeping = archiver(provider.url, tmp_path)
    parts = [wanted(url, job_id=url, picture=name not in OTHERS) for url in urls]
    rows = list(keeping.archive(parts))
    assert {row.state for row in rows} == {"failed"}
    assert kept(tmp_path) == {}
    for length in some:
        provider.serve(f"/{length}", Answer(body))
    before = {row.job_id: row for row in rows}
    again = [dataclasses.replace(part, before=before[part.job_id]) for part in parts]
    assert {row.state for row in keeping.archive(again)} == {"archived"}
    assert list(kept(tmp_path).values()) == [body]


@settings(max_examples=200, deadline=None)
@given(
    strategies.sampled_from(sorted(FILES)),
    strategies.integers(0, 10_000),
    strategies.binary(min_size=1, max_size=40),
)
def test_no_damage_crashes_a_reader(name: str, place: int, damage: bytes) -> None:
    body = FILES[name]
    at = place % len(body)
    for damaged in (body[:at] + damage, body[:at] + damage + body[at + len(damage) :]):
        try:
            content_of(BytesIO(damaged), picture=False)
        except (NotFetched, FileRefused):
            continue


@pytest.mark.parametrize("name", ["png", "moving gif", "jpg", "lossy webp", "avif", "mp4"])
@pytest.mark.parametrize("more", [b"\0", bytes(5000), b"\r\n", b"<!-- cached -->", b"SEFT\x01\0\0"])
def test_bytes_behind_the_end_are_left_alone(name: str, more: bytes) -> None:
    if name in ("avif", "mp4") and len(more.rstrip()) < 5000:
        more = bytes(5000)  # anything else may be a box that is cut
    assert content_of(BytesIO(FILES[name] + more), picture=False)


def test_a_jpeg_may_hold_several_pictures_and_each_one_has_to_be_whole() -> None:
    """A cut just behind the first one leaves that picture, whole: it is all that anyone shows."""
    several = saved("MPO", {"save_all": True, "append_images": [Image.new("RGB", (5, 4))]})
    first = several.index(b"\xff\xd9\xff\xd8") + 2
    assert content_of(BytesIO(several), picture=True).content_type == "image/jpeg"
    for length in range(1, len(several)):
        if length != first:
            with pytest.raises(NotFetched):
                content_of(BytesIO(several[:length]), picture=True)


# others that Pillow writes; some more are text, or need a program, or have no bytes of their own
NOT_KEPT = (
    "BMP",
    "TIFF",
    "ICO",
    "ICNS",
    "JPEG2000",
    "PPM",
    "TGA",
    "PCX",
    "DDS",
    "SGI",
    "QOI",
)


def test_of_all_that_pillow_writes_what_is_not_on_the_list_is_not_kept(
    provider: FileServer, tmp_path: Path
) -> None:
    sizes = {"ICO": {"sizes": [(4, 4)]}}  # Pillow 12 writes no picture below 16
    urls = [
        provider.serve(f"/{form}", Answer(saved(form, sizes.get(form, {})))) for form in NOT_KEPT
    ]
    rows = list(archiver(provider.url, tmp_path).archive([wanted(url) for url in urls]))
    assert {row.state for row in rows} == {"refused"}
    assert kept(tmp_path) == {}


@pytest.mark.parametrize("chunk", [b"IHDR", b"IDAT"])
def test_a_png_that_was_damaged_on_its_way_is_asked_for_again(chunk: bytes) -> None:
    at = PNG.index(chunk) + 15
    damaged = PNG[:at] + bytes([PNG[at] ^ 1]) + PNG[at + 1 :]
    with pytest.raises(NotFetched, match="damaged"):
        content_of(BytesIO(damaged), picture=True)


@pytest.mark.parametrize(
    ("major", "compatible", "kind"),
    [
        (b"mif1", b"mif1avifmiaf", "image/avif"),
        (b"mif1", b"miafMA1Bavif", "image/avif"),
        (b"msf1", b"avismsf1", "image/avif"),
        (b"avif", b"mif1", "image/avif"),
        (b"mif1", b"mif1heic", "the brand b'mif1'"),
        (b"heic", b"mif1heicavif", "the brand b'heic'"),
    ],
)
def test_an_avif_is_known_by_its_compatible_brands(
    major: bytes, compatible: bytes, kind: str
) -> None:
    avif = FILES["avif"]
    first = int.from_bytes(avif[:4], "big")
    body = box(b"ftyp", major + bytes(4) + compatible) + avif[first:]
    if not kind.startswith("image/"):
        with pytest.raises(FileRefused, match=kind):
            content_of(BytesIO(body), picture=True)
        return
    found = content_of(BytesIO(body), picture=True)
    assert (found.content_type, found.width, found.height) == (kind, 5, 4)
