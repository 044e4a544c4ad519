"""How files are fetched: other addresses, trouble and rests, sixteen at once, in little memory."""

import contextlib
import io
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
from genai_orchestration.archive.refusals import NotFetched
from genai_orchestration.archive.rows import FileRow
from genai_orchestration.clock import now
from genai_orchestration_tests.support.file_server import (
    PNG,
    Answer,
    FileServer,
    archiver,
    kept,
    one,
    send,
    wanted,
)


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
