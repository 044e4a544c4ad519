"""Hostile files: each refused with its reason, and nothing of it kept."""

import gzip
import struct
import tracemalloc
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from genai_orchestration.sandbox.png import picture
from genai_orchestration_tests.archive.hostile import chunks, refused
from genai_orchestration_tests.support.file_server import (
    PNG,
    Answer,
    FileServer,
    archiver,
    kept,
    one,
    wanted,
)

SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>x()</script></svg>'
HTML = b"\xef\xbb\xbf\n  <!DOCTYPE html><html><script>x()</script></html>"


def png(width: int, height: int) -> bytes:
    """A small PNG that says it is of that size."""
    return PNG[:16] + struct.pack(">II", width, height) + PNG[24:]


def zipped() -> bytes:
    into = BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("../../evil.sh", "x")
    return into.getvalue()


FILES = {
    "SVG under an image name": (SVG, "It is SVG, which can run scripts"),
    "SVG without a declaration": (b"<svg onload='x()'/>", "It is SVG"),
    "a program": (b"\x7fELF\x02\x01\x01" + bytes(64), "of no kind that is known"),
    "a script": (b"#!/bin/sh\nrm -rf /\n", "of no kind that is known"),
    "a zip where a picture is due": (zipped(), "It is application/zip, where a picture is due"),
    "a PDF where a picture is due": (b"%PDF-1.7 ...", "It is application/pdf, where a picture"),
    "a video where a picture is due": (
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        "It is video/mp4, where a picture",
    ),
    "a media file of another brand": (b"\0\0\0\x18ftypheic\0\0\0\0", "the brand b'heic'"),
    "a decompression bomb": (png(60_000, 60_000), "unfolds to 60000 x 60000 pixels"),
    "a bomb of one row": (png(2**31 - 1, 1), "unfolds to 2147483647 x 1 pixels"),
    "a picture without an extent": (png(0, 16), "it is 0 x 16 pixels"),
    "a WebP of another kind": (
        b"RIFF\x10\0\0\0WEBPabcd\x08\0\0\0" + bytes(8),
        "its header is broken",
    ),
    "a JPEG without a frame": (b"\xff\xd8\xff\xe0\0\x02JFIF\xff\xd9", "its header is broken"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_by_what_it_is(
    provider: FileServer, tmp_path: Path, name: str
) -> None:
    body, reason = FILES[name]
    url = provider.serve("/fox.png", Answer(body, headers={"Content-Type": "image/png"}))
    assert reason in refused(provider, tmp_path / "archive", url)


def test_a_file_over_the_limit_is_refused_by_its_length_before_it_is_read(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/a.png", Answer(PNG, headers={"Content-Length": "5000000"}))
    assert "It has 5,000,000 bytes; the limit is 1,000,000" in refused(provider, tmp_path, url)


def test_a_length_of_many_digits_is_over_the_limit_like_any_other(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/a.png", Answer(PNG, headers={"Content-Length": "9" * 6000}))
    assert "the limit is 1,000,000" in refused(provider, tmp_path, url)


def test_a_file_without_an_end_is_refused_at_the_limit(
    provider: FileServer, tmp_path: Path
) -> None:
    assert "more than 1,000,000 bytes" in refused(
        provider, tmp_path, provider.serve("/a.png", chunks)
    )


def test_a_body_that_is_packed_and_not_by_gzip_is_refused_and_was_not_asked_for(
    provider: FileServer, tmp_path: Path
) -> None:
    packed = zlib.compress(PNG)
    url = provider.serve("/a.png", Answer(packed, headers={"Content-Encoding": "deflate"}))
    assert "has packed it, which was not asked for" in refused(provider, tmp_path, url)
    assert provider.headers[0]["Accept-Encoding"] == "identity"


def test_a_body_that_gzip_has_packed_is_refused_where_it_unfolds_over_the_limit(
    provider: FileServer, tmp_path: Path
) -> None:
    """20 MB of zeros in 20 KB: unpacked a piece at a time, up to the limit and no further."""
    bomb = gzip.compress(PNG + bytes(20_000_000), 9)
    url = provider.serve("/a.png", Answer(bomb, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        assert "more than 1,000,000 bytes" in refused(provider, tmp_path, url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "path", ["/../../../etc/cron.d/x.png", "/%2e%2e/%2e%2e/x.png", "/a\\..\\b"]
)
def test_a_name_that_climbs_never_reaches_the_disk(
    provider: FileServer, tmp_path: Path, path: str
) -> None:
    provider.serve("*", Answer(PNG, headers={"Content-Disposition": 'filename="../../x"'}))
    folder = tmp_path / "deep" / "archive"
    row = one(
        archiver(provider.url, folder).archive([wanted(provider.url + path, role="../../evil")])
    )
    assert row.state == "archived"
    assert list(kept(tmp_path)) == [f"deep/archive/{row.sha256[:2]}/{row.sha256}.png"]  # type: ignore[index]


def test_content_that_changes_under_one_id_goes_to_quarantine(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/assets/x.png", Answer(PNG))
    keeping = archiver(provider.url, tmp_path)
    asked: dict[str, Any] = {"file_id": "asset-1", "constant": True}
    first = one(keeping.archive([wanted(url, **asked)]))
    provider.serve("/assets/x.png", Answer(picture("another", 16, 16)))
    second = one(keeping.archive([wanted(url, job_id="other", **asked)]))
    assert (first.state, second.state, second.archived_path) == ("archived", "refused", None)
    assert "The content of asset-1, which never changes, has changed" in (second.reason or "")
    names = sorted(kept(tmp_path))
    assert names[0] == first.archived_path
    assert names[1].startswith("quarantine/")
    assert len(names) == 2


def test_an_archived_file_stays_archived_when_its_source_is_another_or_gone(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/assets/x.png", Answer(PNG))
    keeping = archiver(provider.url, tmp_path)
    first = one(keeping.archive([wanted(url, file_id="asset-1", constant=True)]))
    for answer in (Answer(picture("another", 16, 16)), Answer(HTML), Answer(b"", 404)):
        provider.serve("/assets/x.png", answer)
        again = wanted(url, file_id="asset-1", constant=True, before=first)
        row = one(keeping.archive([again]))
        assert (row.state, row.sha256, row.archived_at) == (
            "archived",
            first.sha256,
            first.archived_at,
        )
        assert row.reason
        assert row.attempts == 2
