"""What a server answers in place of a file, and how it may send or pack one."""

import dataclasses
import gzip
import random
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from genai_orchestration.archive.refusals import UNEXPECTED_RUNS
from genai_orchestration_tests.archive import one_server
from genai_orchestration_tests.support.file_server import (
    PNG,
    Answer,
    FileServer,
    archiver,
    kept,
    one,
    wanted,
)
from genai_orchestration_tests.support.whole_files import FILES

running, provider = one_server.running, one_server.provider

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
