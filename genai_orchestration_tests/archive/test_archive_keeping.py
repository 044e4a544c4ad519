"""How files are kept: by their content, once, whole, where the settings say; and the journal."""

import os
from pathlib import Path

import pytest

from genai_orchestration.archive.archiver import AT_ONCE
from genai_orchestration.archive.refusals import ArchiveUnusable
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
    kept,
    one,
    wanted,
)


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
