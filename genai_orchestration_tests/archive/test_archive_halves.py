"""A half that was kept before makes way for the whole, and whole content may be another later."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from genai_orchestration.archive.rows import FileRow
from genai_orchestration.clock import now
from genai_orchestration.sandbox.png import picture
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

OTHER = picture("another", 16, 16)


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
