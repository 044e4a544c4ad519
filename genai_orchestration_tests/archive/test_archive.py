"""The archiver on its good and bad days: what is fetched, kept, asked again, and at what price."""

import contextlib
import io
import os
import threading
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from genai_orchestration.archive.archiver import AT_ONCE
from genai_orchestration.archive.fetch import CHUNK, Fetcher
from genai_orchestration.archive.refusals import ArchiveUnusable, NotFetched
from genai_orchestration.archive.rows import FileRow, Journal
from genai_orchestration.archive.store import LocalStore, open_store
from genai_orchestration.clock import now
from genai_orchestration.providers import provider_named
from genai_orchestration.sandbox.png import picture
from genai_orchestration.settings import Settings, UnfitLimit
from genai_orchestration_tests.support.file_server import (
    PNG,
    Answer,
    FileServer,
    archiver,
    file_server,
    kept,
    one,
    send,
    wanted,
)


@pytest.fixture
def provider() -> Iterator[FileServer]:
    with file_server() as running:
        yield running


def test_a_file_is_kept_by_its_content_and_told_of(provider: FileServer, tmp_path: Path) -> None:
    url = provider.serve("/a.png", Answer(PNG, headers={"Content-Type": "text/plain"}))
    row = one(archiver(provider.url, tmp_path).archive([wanted(f"{url}?sig=s3cret#x")]))
    assert kept(tmp_path) == {row.archived_path: PNG}
    assert row.archived_path == f"{row.sha256[:2]}/{row.sha256}.png"  # type: ignore[index]
    assert (row.state, row.bytes, row.content_type) == ("archived", len(PNG), "image/png")
    assert (row.width, row.height, row.attempts, row.reason) == (16, 16, 1, None)
    assert row.source_url == url


def test_the_same_content_is_kept_once(provider: FileServer, tmp_path: Path) -> None:
    urls = [provider.serve(f"/{number}.png", Answer(PNG)) for number in range(40)]
    rows = list(archiver(provider.url, tmp_path).archive(wanted(url) for url in urls))
    assert {row.state for row in rows} == {"archived"}
    assert len(rows) == 40
    assert list(kept(tmp_path)) == [rows[0].archived_path]


def test_a_fallback_is_asked_when_the_first_address_does_not_have_it(
    provider: FileServer, tmp_path: Path
) -> None:
    for first in (Answer(b"", 404), Answer(b"<html>")):
        urls = (
            provider.serve("/a.png", first),
            provider.serve("/b.png", Answer(PNG)),
        )
        row = one(archiver(provider.url, tmp_path).archive([wanted(*urls)]))
        assert (row.state, row.source_url) == ("archived", urls[1])


def test_what_fails_for_now_is_failed_with_the_reasons_of_all_addresses(
    provider: FileServer, tmp_path: Path
) -> None:
    urls = (
        provider.serve("/a.png", Answer(b"<html>")),
        provider.serve("/b.png", Answer(b"", 403)),
    )
    row = one(archiver(provider.url, tmp_path).archive([wanted(*urls)]))
    assert row.state == "failed"
    assert "It is HTML" in (row.reason or "")
    assert "127.0.0.1 answered 403." in (row.reason or "")
    assert provider.asked == ["/a.png", "/b.png"]  # neither is asked twice


def half(handler: BaseHTTPRequestHandler) -> None:
    send(handler, Answer(PNG[:50], headers={"Content-Length": str(len(PNG))}))


def cut(handler: BaseHTTPRequestHandler) -> None:
    """Half of a chunked body."""
    answer = Answer(
        b"400\r\n" + PNG, headers={"Content-Length": "", "Transfer-Encoding": "chunked"}
    )
    send(handler, answer)


@pytest.mark.parametrize("trouble", [half, cut, Answer(b"", 500), Answer(b"", 429)])
def test_trouble_is_ridden_out_within_a_run_and_nothing_torn_is_kept(
    provider: FileServer, tmp_path: Path, trouble: Answer
) -> None:
    times = 0

    def twice(handler: BaseHTTPRequestHandler) -> None:
        nonlocal times
        times += 1
        answer = trouble if times <= 2 else Answer(PNG)
        answer(handler) if callable(answer) else send(handler, answer)

    url = provider.serve("/a.png", twice)
    row = one(archiver(provider.url, tmp_path).archive([wanted(url)]))
    assert (row.state, times) == ("archived", 3)
    assert kept(tmp_path) == {row.archived_path: PNG}
    provider.serve("/b.png", trouble)
    row = one(archiver(provider.url, tmp_path).archive([wanted(f"{provider.url}/b.png")]))
    assert (row.state, row.archived_path, len(kept(tmp_path))) == ("failed", None, 1)


def test_a_server_that_asks_for_a_long_rest_is_left_to_a_later_run(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/a.png", Answer(b"", 429, {"Retry-After": "1700"}))
    assert one(archiver(provider.url, tmp_path).archive([wanted(url)])).state == "failed"
    assert provider.asked == ["/a.png"]


def test_a_rest_that_was_rounded_down_to_nothing_is_kept_all_the_same(provider: FileServer) -> None:
    slept: list[float] = []
    url = provider.serve("/a.png", Answer(b"", 429, {"Retry-After": "0"}))  # for 0.4 s, say
    fetcher = Fetcher(provider.url, 1_000_000, sleep=slept.append)
    with contextlib.closing(fetcher), pytest.raises(NotFetched, match="answered 429"):
        fetcher.fetch(url, io.BytesIO())
    assert sum(slept) > 2


def test_what_failed_rests_ever_longer() -> None:
    at = now()
    failed = {"job_id": "j", "kind": "image", "role": "grid", "state": "failed", "tried_at": at}
    rests = {1: 1, 2: 2, 5: 16, 9: 256, 10: 360, 1000: 360}
    for attempts, minutes in rests.items():
        row = FileRow.of({**failed, "attempts": attempts})
        assert not row.due(at + timedelta(minutes=minutes, seconds=-1))
        assert row.due(at + timedelta(minutes=minutes))


def test_sixteen_at_a_time_and_no_more(provider: FileServer, tmp_path: Path) -> None:
    running, peak, lock, full = 0, 0, threading.Lock(), threading.Event()

    def slowly(handler: BaseHTTPRequestHandler) -> None:
        nonlocal running, peak
        with lock:
            running += 1
            peak = max(peak, running)
            if running >= AT_ONCE:
                full.set()
        full.wait(10)
        time.sleep(0.02)
        with lock:
            running -= 1
        send(handler, Answer(PNG))

    url = provider.serve("/a.png", slowly)
    rows = list(archiver(provider.url, tmp_path).archive(wanted(url) for _ in range(80)))
    assert len(rows) == 80
    assert peak == AT_ONCE == 16


def test_memory_does_not_grow_with_files_nor_with_their_number(
    provider: FileServer, tmp_path: Path
) -> None:
    """48 files of 8 MB, and a list that is read no further than it has to be."""
    body = PNG + bytes(8_000_000)
    provider.serve("/a.png", Answer(body))
    taken = 0

    def endless() -> Iterator[object]:
        nonlocal taken
        for _ in range(48):
            taken += 1
            yield wanted(f"{provider.url}/a.png")

    keeping = archiver(provider.url, tmp_path, limit=100_000_000)
    tracemalloc.start()
    try:
        rows = keeping.archive(endless())  # type: ignore[arg-type]
        next(rows)
        assert taken <= 3 * AT_ONCE
        assert len(list(rows)) == 47
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < AT_ONCE * 8 * CHUNK < len(body) * 3


def test_an_archive_that_cannot_be_written_is_told_in_a_sentence(
    provider: FileServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    url = provider.serve("/a.png", Answer(PNG))
    with pytest.raises(ArchiveUnusable, match=r"cannot be written .* set GENAI_ARCHIVE"):
        list(archiver(provider.url, tmp_path / "file" / "archive").archive([wanted(url)]))


def test_a_full_disk_is_told_and_leaves_nothing_torn(
    provider: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    url = provider.serve("/a.png", Answer(PNG))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArchiveUnusable, match="No space left on device"):
        list(archiver(provider.url, tmp_path).archive([wanted(url)]))
    assert kept(tmp_path) == {}


def test_a_place_that_holds_something_shorter_is_filled_anew(
    provider: FileServer, tmp_path: Path
) -> None:
    url = provider.serve("/a.png", Answer(PNG))
    row = one(archiver(provider.url, tmp_path).archive([wanted(url)]))
    (tmp_path / str(row.archived_path)).write_bytes(PNG[:20])
    one(archiver(provider.url, tmp_path).archive([wanted(url)]))
    assert kept(tmp_path) == {row.archived_path: PNG}


def test_the_journal_gives_back_what_was_written_and_not_half_a_line(settings: Settings) -> None:
    journal = Journal(settings, provider_named("imagine_api"))
    assert journal.rows() == []
    written = [
        FileRow(
            job_id=f"job-{number}",
            kind="image",
            role="grid",
            state="archived",
            attempts=1,
            tried_at=now(),
            archived_at=now(),
            date_created=now(),
        )
        for number in range(3)
    ]
    for row in written:
        journal.add([row])
    with open(journal.path, "ab") as file:
        file.write(b'{"job_id": "job-4", "kind": "im')
    assert journal.rows() == written
    journal.clear()
    assert journal.rows() == []


def test_where_the_archive_is(tmp_path: Path, settings: Settings) -> None:
    assert settings.archive == str(settings.home / "archive")
    for address, place in (
        ("files", str(tmp_path / "files")),
        (f"file://{tmp_path}/x", f"file://{tmp_path}/x"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
    ):
        assert Settings.load({"GENAI_ARCHIVE": address}).archive == place
    assert isinstance(
        open_store(Settings.load({"GENAI_ARCHIVE": f"file://{tmp_path}"})), LocalStore
    )
    with pytest.raises(ArchiveUnusable, match="nosuch:// is not installed"):
        open_store(Settings.load({"GENAI_ARCHIVE": "nosuch://x"}))


def test_the_limit_is_in_megabytes(settings: Settings) -> None:
    assert settings.archive_limit == 100_000_000
    assert Settings.load({"GENAI_ARCHIVE_LIMIT": "0.5"}).archive_limit == 500_000
    for wrong in ("0", "-1", "many", "inf", "nan"):
        with pytest.raises(UnfitLimit, match="GENAI_ARCHIVE_LIMIT"):
            _ = Settings.load({"GENAI_ARCHIVE_LIMIT": wrong}).archive_limit


def test_two_pictures_of_one_prompt_are_two_files(provider: FileServer, tmp_path: Path) -> None:
    urls = [
        provider.serve(f"/{n}.png", Answer(picture(str(n), 16, 16))) for n in range(AT_ONCE * 3)
    ]
    rows = list(archiver(provider.url, tmp_path).archive(wanted(url) for url in urls))
    assert sorted(kept(tmp_path)) == sorted(str(row.archived_path) for row in rows)
    assert len(kept(tmp_path)) == AT_ONCE * 3
