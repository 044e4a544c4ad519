"""The inbox over a folder with bad, odd and forbidden files: they are told, and keep no other."""

import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genai_orchestration.inbox import folder as inbox_folder
from genai_orchestration.inbox.folder import InboxUnreadable
from genai_orchestration.inbox.inbox import LONGEST
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers.work import Operation
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.requests.request import NewRequest
from genai_orchestration_tests.inbox.reading import HEADER, keys, put, read
from genai_orchestration_tests.support.doubles import replace


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.txt", "buy milk", "is no kind of file that is read"),
        ("a.csv", b"\xff\xfe\x00", "not UTF-8"),
        ("a.parquet", "no parquet", "is not what its name says"),
        ("a.csv", "prompt,colour\na fox,red\n", "row 1: column 'colour' is not known"),
        ("a.csv", f"{HEADER}a fox,a b\n", "row 2: request_key 'a b' cannot be used"),
        ("a.csv", f"{HEADER}a fox,fox-1\na dog,fox-1\n", "is the key of row 2 already"),
        ("a.jsonl", '{"prompt": " ", "request_key": "e"}', "row 1: prompt"),
        ("a.jsonl", '{"prompt": "a\\u0000b"}', "NUL character"),
        ("a.csv", "provider,prompt\nnobody,x\n", "There is no paid operation"),
    ],
)
def test_a_bad_file_is_named_with_its_rows_and_does_not_keep_the_others(
    ledger: Ledger, folder: Path, name: str, content: str | bytes, words: str
) -> None:
    put(folder, name, content)
    put(folder, "good.csv", f"{HEADER}an owl,owl-1\n")
    found = read(ledger, folder)
    assert found.memory.trouble.startswith(f"{name} is left out: ")
    assert words in found.memory.trouble
    assert keys(ledger) == ["owl-1"]


def test_a_file_with_one_bad_row_is_not_taken_in_part(ledger: Ledger, folder: Path) -> None:
    put(folder, "a.csv", f"{HEADER}fine,fine-1\n\nx,a b\n" + "z,a b\n" * 40)
    trouble = read(ledger, folder).memory.trouble
    assert keys(ledger) == []
    assert "; and " in trouble
    assert len(trouble) <= LONGEST


def test_a_file_with_a_nul_is_left_out(ledger: Ledger, folder: Path) -> None:
    put(folder, "a.csv", f"{HEADER}fine,fine-1\nx\0y,bad-1\n")
    assert "a.csv is left out: " in read(ledger, folder).memory.trouble
    assert keys(ledger) == []


def test_what_is_told_stays_short_however_much_is_wrong(ledger: Ledger, folder: Path) -> None:
    for number in range(200):
        put(folder, f"{number:03}.csv", f"{HEADER},\n" + "x" * 500 + ",a b\n" * 20)
    memory = read(ledger, folder).memory
    assert len(memory.trouble) <= LONGEST
    assert memory.trouble.endswith("…")


def test_a_key_that_stands_for_another_request_is_told_with_the_difference(
    ledger: Ledger, folder: Path
) -> None:
    put(folder, "a.csv", f"{HEADER}a red fox,fox-1\n")
    put(folder, "b.csv", f"{HEADER}an owl,owl-1\na blue fox,fox-1\n")
    found = read(ledger, folder)
    assert found.memory.trouble == (
        'In b.csv, row 3: the key fox-1 is that of another request (payload.prompt: "a red fox" '
        'before, "a blue fox" now): give what has changed a new key.'
    )
    assert keys(ledger) == ["fox-1", "owl-1"]
    assert ledger.request("fox-1").payload == {"prompt": "a red fox"}


def huge(rows: int) -> bytes:
    made = pa.BufferOutputStream()
    pq.write_table(pa.table({"prompt": pa.array(["x"] * rows)}), made)
    return bytes(made.getvalue())


def beyond_a_year() -> bytes:
    made = pa.BufferOutputStream()
    pq.write_table(pa.table({"at": pa.array([2**62], pa.timestamp("us"))}), made)
    return bytes(made.getvalue())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.parquet", beyond_a_year, "not what its name says"),
        ("a.parquet", lambda: huge(1_000_001), "has 1,000,001 rows, and at most 1,000,000"),
        ("a.yaml", lambda: b"- a: &x [1]\n  b: [*x, *x]\n", "has aliases"),
        ("a.yaml", lambda: b"- " + b"[" * 100_000, "nested deeper than 100 levels"),
    ],
    ids=["year 148117", "rows", "aliases", "depth"],
)
def test_no_file_keeps_the_others_from_being_read(
    ledger: Ledger, folder: Path, name: str, content: Callable[[], bytes], told: str
) -> None:
    put(folder, name, content())
    put(folder, "b.csv", f"{HEADER}a red fox,fox-1\n")
    found = read(ledger, folder)
    assert found.planned == 1
    assert told in found.memory.trouble


@pytest.mark.parametrize("error", [MemoryError, OverflowError, RecursionError, KeyError])
def test_what_nobody_foresaw_in_one_file_is_told_and_the_others_are_read(
    ledger: Ledger, folder: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    put(folder, "a.csv", f"{HEADER}an owl,owl-1\n")
    put(folder, "b.csv", f"{HEADER}a red fox,fox-1\n")
    of = PaidRequest.of

    def odd(request: NewRequest, operation: Operation) -> PaidRequest:
        if request.request_key == "owl-1":
            raise error
        return of(request, operation)

    replace(monkeypatch, PaidRequest, "of", odd)
    found = read(ledger, folder)
    assert keys(ledger) == ["fox-1"]
    assert "a.csv is left out: it cannot be read; the log says why." in found.memory.trouble


def test_a_link_is_told_and_not_followed_also_one_that_takes_the_place_of_a_file(
    ledger: Ledger, folder: Path, tmp_path: Path
) -> None:
    put(tmp_path, "secret.csv", f"{HEADER}in private,fox-1\n")
    (folder / "a.csv").symlink_to(tmp_path / "secret.csv")
    found = read(ledger, folder)
    assert found.state == f"0 files in {folder}; left out, for links are not followed: a.csv"
    assert keys(ledger) == []
    os.mkfifo(folder / "pipe.csv")
    for name in ("a.csv", "pipe.csv"):
        with pytest.raises(OSError, match=r"symbolic links|no plain file"):
            inbox_folder.content_of(folder / name)


def test_hidden_and_unfinished_files_pipes_and_folders_are_left_alone(
    ledger: Ledger, folder: Path
) -> None:
    for name in (".DS_Store", "~$a.csv", "a.csv.part", "b.csv.crdownload"):
        put(folder, name, HEADER)
    (folder / "sub.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    found = read(ledger, folder)
    assert (found.state, found.memory.trouble) == (f"0 files in {folder}", "")


def test_a_file_that_is_too_large_is_told_and_not_read(
    ledger: Ledger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genai_orchestration.inbox.inbox.LARGEST", 10)
    put(folder, "a.csv", f"{HEADER}a red fox,fox-1\n")
    assert "split it" in read(ledger, folder).memory.trouble


def test_a_folder_that_is_not_there_is_a_sentence(ledger: Ledger, folder: Path) -> None:
    with pytest.raises(InboxUnreadable, match="nowhere is not there: make it, or set another"):
        read(ledger, folder / "nowhere")
    with pytest.raises(InboxUnreadable, match="cannot be listed"):
        read(ledger, put(folder, "file", ""))
