"""Whole or not at all: a file is kept when its end is there, and asked for again when it is not."""

import dataclasses
import gzip
import hashlib
import random
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies
from PIL import Image

from genai_orchestration.archive.checks import content_of
from genai_orchestration.archive.refusals import (
    UNEXPECTED_RUNS,
    FileRefused,
    NotFetched,
    UnexpectedAnswer,
)
from genai_orchestration.archive.rows import FileRow
from genai_orchestration.clock import now
from genai_orchestration.sandbox.png import picture
from genai_orchestration_tests.support.file_server import (
    PNG,
    Answer,
    FileServer,
    archiver,
    file_server,
    kept,
    one,
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

OTHER = picture("another", 16, 16)


@pytest.fixture(scope="module")
def running() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


@pytest.fixture
def provider(running: FileServer) -> FileServer:
    for log in (running.answers, running.asked, running.headers):
        log.clear()
    return running


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


WORDS = {
    "empty": b"",
    "HTML": b"\xef\xbb\xbf\n  <!DOCTYPE html><title>One moment, please ...</title>",
    "JSON": b'{"message": "Internal Server Error"}',
    "XML": b'<?xml version="1.0"?><Error><Code>SlowDown</Code></Error>',
    "text": "Wartungsarbeiten für eine Stunde: ".encode() * 20,
}


@pytest.mark.parametrize("words", WORDS)
def test_a_servers_words_in_place_of_a_file_are_a_verdict_when_they_are_said_again_and_again(
    provider: FileServer, tmp_path: Path, words: str
) -> None:
    url = provider.serve("/a.png", Answer(WORDS[words], headers={"Content-Type": "image/png"}))
    keeping, row = archiver(provider.url, tmp_path), None
    states = []
    for _ in range(UNEXPECTED_RUNS):
        row = one(keeping.archive([wanted(url, before=row)]))
        states.append(row.state)
        assert f"It is {words}: only PNG" in (row.reason or "")
    assert states == ["failed"] * (UNEXPECTED_RUNS - 1) + ["refused"]
    assert row
    assert row.attempts == UNEXPECTED_RUNS
    provider.serve("/a.png", Answer(PNG))
    row = one(keeping.archive([wanted(url, before=row)]))  # as --again does
    assert (row.state, row.reason, kept(tmp_path)) == ("archived", None, {row.archived_path: PNG})


def test_a_file_that_the_provider_gives_no_address_of_is_waited_for_a_while(
    provider: FileServer, tmp_path: Path
) -> None:
    keeping = archiver(provider.url, tmp_path)
    row = one(keeping.archive([wanted()]))
    assert (row.state, row.reason) == ("failed", "The provider gives no address of it.")
    tried = dataclasses.replace(row, attempts=UNEXPECTED_RUNS - 1)
    assert one(keeping.archive([wanted(before=tried)])).state == "refused"


def test_only_verdicts_of_all_addresses_are_a_verdict(provider: FileServer, tmp_path: Path) -> None:
    page, wrong = Answer(b"<html>"), Answer(b"\x7fELF\x02\x01\x01" + bytes(64))
    provider.serve("/page", page)
    provider.serve("/wrong", wrong)
    provider.serve("/half", Answer(PNG[:40]))
    for names, first, tenth in (
        (("wrong", "wrong"), "refused", "refused"),
        (("wrong", "page"), "failed", "refused"),
        (("page", "half"), "failed", "failed"),
        (("half", "wrong"), "failed", "failed"),
    ):
        urls = [f"{provider.url}/{name}" for name in names]
        row = one(archiver(provider.url, tmp_path).archive([wanted(*urls)]))
        late = dataclasses.replace(row, state="failed", attempts=UNEXPECTED_RUNS - 1)
        assert row.state == first
        row = one(archiver(provider.url, tmp_path).archive([wanted(*urls, before=late)]))
        assert row.state == tenth


@pytest.mark.parametrize("name", ["png", "moving gif", "jpg", "avif", "lossless webp"])
def test_a_body_without_a_length_is_kept_when_its_end_is_there(
    provider: FileServer, tmp_path: Path, name: str
) -> None:
    body = FILES[name]

    def old(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.0"
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        if "half" not in handler.path:
            handler.wfile.write(body[len(body) // 2 :])
        handler.close_connection = True

    provider.serve("/whole", old)
    provider.serve("/half", old)
    whole, half = (f"{provider.url}/{path}" for path in ("whole", "half"))
    row = one(archiver(provider.url, tmp_path).archive([wanted(half)]))
    assert (row.state, kept(tmp_path)) == ("failed", {})
    row = one(archiver(provider.url, tmp_path).archive([wanted(whole)]))
    assert (row.state, kept(tmp_path)) == ("archived", {row.archived_path: body})


LEFT = ("aws-chunked", "none", "binary", "identity", "Identity", "utf-8", "gzip", "", "x-unknown")


@pytest.mark.parametrize("encoding", LEFT)
def test_plain_bytes_are_kept_whatever_content_encoding_a_storage_service_left_on_them(
    provider: FileServer, tmp_path: Path, encoding: str
) -> None:
    url = provider.serve("/a.png", Answer(PNG, headers={"Content-Encoding": encoding}))
    row = one(archiver(provider.url, tmp_path).archive([wanted(url)]))
    assert (row.state, kept(tmp_path)) == ("archived", {row.archived_path: PNG})


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "aws-chunked,gzip"])
def test_what_gzip_has_packed_is_unpacked_and_every_cut_of_it_asked_for_again(
    provider: FileServer, tmp_path: Path, encoding: str
) -> None:
    body = PNG + random.Random(1).randbytes(300_000)  # more than one piece
    packed, headers = gzip.compress(body), {"Content-Encoding": encoding}
    url = provider.serve("/a.png", Answer(packed, headers=headers))
    row = one(archiver(provider.url, tmp_path).archive([wanted(url)]))
    assert (row.state, row.bytes) == ("archived", len(body))
    assert kept(tmp_path) == {row.archived_path: body}
    for length in (2, 11, len(packed) // 2, len(packed) - 1):
        provider.serve("/b.png", Answer(packed[:length], headers=headers))
        row = one(archiver(provider.url, tmp_path).archive([wanted(f"{provider.url}/b.png")]))
        assert (row.state, len(kept(tmp_path))) == ("failed", 1)
        assert "gzip" in (row.reason or "")


def half_kept(folder: Path, half: bytes, extension: str, **more: object) -> FileRow:
    """What an earlier version has kept of a file, and its row."""
    sha = hashlib.sha256(half).hexdigest()
    path = folder / sha[:2] / f"{sha}.{extension}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(half)
    return FileRow(
        job_id="job",
        kind="image",
        role="grid",
        state="archived",
        attempts=1,
        tried_at=now(),
        archived_at=now(),
        sha256=sha,
        bytes=len(half),
        archived_path=f"{sha[:2]}/{sha}.{extension}",
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize(("name", "extension"), [("png", "png"), ("jpg", "jpg"), ("gif", "gif")])
def test_a_half_that_an_earlier_version_kept_makes_way_for_the_whole(
    provider: FileServer, tmp_path: Path, constant: bool, name: str, extension: str
) -> None:
    body = FILES[name]
    before = half_kept(tmp_path, body[: len(body) // 2 + 5], extension, file_id="asset-1")
    assert before.sha256
    url = provider.serve("/assets/x", Answer(body))
    asked: dict[str, Any] = {"file_id": "asset-1", "constant": constant, "before": before}
    keeping = archiver(provider.url, tmp_path)
    keeping.known["asset-1"] = before.sha256
    row = one(keeping.archive([wanted(url, **asked)]))
    assert (row.state, row.reason, row.bytes) == ("archived", None, len(body))
    assert kept(tmp_path) == {
        row.archived_path: body,
        f"quarantine/{before.archived_path}": body[: len(body) // 2 + 5],
    }
    again = one(keeping.archive([wanted(url, **{**asked, "before": row})]))
    assert (again.state, again.reason, again.sha256) == ("archived", None, row.sha256)
    # another job with the same file: its row is still that of the half
    other = one(keeping.archive([wanted(url, job_id="other", **asked)]))
    assert (other.state, other.reason, other.sha256) == ("archived", None, row.sha256)
    assert len(kept(tmp_path)) == 2


def test_a_new_job_with_a_file_of_which_only_half_is_known_gets_the_whole(
    provider: FileServer, tmp_path: Path
) -> None:
    before = half_kept(tmp_path, PNG[:50], "png")
    url = provider.serve("/assets/x", Answer(PNG))
    keeping = archiver(provider.url, tmp_path)
    keeping.known["asset-1"] = str(before.sha256)
    row = one(keeping.archive([wanted(url, file_id="asset-1", constant=True)]))
    assert (row.state, keeping.known) == ("archived", {"asset-1": row.sha256})
    assert sorted(kept(tmp_path).values()) == sorted([PNG, PNG[:50]])


def test_a_half_is_no_better_than_the_half_that_is_kept_and_says_so(
    provider: FileServer, tmp_path: Path
) -> None:
    before = half_kept(tmp_path, PNG[:50], "png")
    for answer in (Answer(PNG[:60]), Answer(b"", 404)):
        url = provider.serve("/assets/x", answer)
        row = one(archiver(provider.url, tmp_path).archive([wanted(url, before=before)]))
        assert (row.state, row.sha256) == ("archived", before.sha256)
        assert (row.reason or "").endswith(" What is kept of it is cut off.")
    assert list(kept(tmp_path).values()) == [PNG[:50]]


def test_whole_content_that_changes_under_an_id_that_is_not_constant_is_the_new_content(
    provider: FileServer, tmp_path: Path
) -> None:
    """And stays where it is: it was as good as the new one."""
    url = provider.serve("/out.png", Answer(PNG))
    keeping = archiver(provider.url, tmp_path)
    first = one(keeping.archive([wanted(url, file_id="banner-1")]))
    provider.serve("/out.png", Answer(OTHER))
    second = one(keeping.archive([wanted(url, file_id="banner-1", before=first)]))
    assert (second.state, second.reason) == ("archived", None)
    assert second.sha256 != first.sha256
    assert kept(tmp_path) == {first.archived_path: PNG, second.archived_path: OTHER}
    assert keeping.known == {}


def test_content_of_a_constant_id_that_is_lost_is_not_replaced_by_other_content(
    provider: FileServer, tmp_path: Path
) -> None:
    before = half_kept(tmp_path, PNG[:50], "png")
    (tmp_path / str(before.archived_path)).unlink()
    url = provider.serve("/assets/x", Answer(OTHER))
    keeping = archiver(provider.url, tmp_path)
    keeping.known["asset-1"] = str(before.sha256)
    row = one(keeping.archive([wanted(url, file_id="asset-1", constant=True)]))
    assert row.state == "refused"
    assert [path.partition("/")[0] for path in kept(tmp_path)] == ["quarantine"]
