"""The inbox over a real folder, into a real ledger: each file is read once, when it is whole."""

import dataclasses
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genai_orchestration.inbox import folder as inbox_folder
from genai_orchestration.inbox import inbox
from genai_orchestration.ledger import Ledger
from genai_orchestration_tests.inbox.reading import FOX, HEADER, keys, put, read
from genai_orchestration_tests.support.doubles import replace


def test_files_of_every_kind_are_planned_once_however_often_they_are_read(
    ledger: Ledger, folder: Path
) -> None:
    put(folder, "a.csv", f"{HEADER}a red fox,fox-1\n")
    put(folder, "b.jsonl", '{"prompt": "an owl", "request_key": "owl-1"}')
    put(folder, "c.yaml", "- prompt: a cat\n  request_key: cat-1\n- prompt: no key of its own\n")
    pq.write_table(pa.table({"prompt": ["a dog"], "request_key": ["dog-1"]}), folder / "d.parquet")
    os.utime(folder / "d.parquet", (1, 1))
    found = read(ledger, folder)
    assert (found.planned, found.known, found.memory.trouble) == (5, 0, "")
    assert found.state == f"4 files in {folder}"
    again = read(ledger, folder, found.memory)
    assert (again.planned, again.known, again.state) == (0, 0, f"No new file: {found.state}")
    anew = read(ledger, folder)  # what was remembered is lost
    assert (anew.planned, anew.known) == (0, 5)
    assert len(keys(ledger)) == 5


def test_only_a_changed_listing_is_read(
    ledger: Ledger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(folder, "a.csv", f"{HEADER}a red fox,fox-1\n")
    bad = put(folder, "bad.csv", f"{HEADER},\nx\0y,fox-9\n")
    found = read(ledger, folder)
    assert "bad.csv is left out: row 3: " in found.memory.trouble
    with monkeypatch.context() as closed:
        closed.setattr(Path, "read_bytes", lambda _: pytest.fail("a file was read"))
        assert read(ledger, folder, found.memory).memory == found.memory
    bad.unlink()
    put(folder, file.name, f"{HEADER}a red fox,fox-1\nan owl,owl-1\n", age=50)
    found = read(ledger, folder, found.memory)
    assert (found.planned, found.known, found.memory.trouble) == (1, 1, "")


def test_a_file_that_is_being_written_waits_for_the_next_tick(ledger: Ledger, folder: Path) -> None:
    file = put(folder, "a.csv", f"{HEADER}a red f", age=1)
    found = read(ledger, folder)
    assert found.state == f"0 files in {folder}, a.csv still being written"
    put(folder, file.name, f"{HEADER}a red fox,fox-1\n", age=6)
    assert read(ledger, folder, found.memory).planned == 1


def test_a_file_that_changes_while_it_is_read_is_not_taken(
    ledger: Ledger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(folder, "a.csv", f"{HEADER}a red f,fox-1\n")
    content_of = inbox_folder.content_of

    def slow(path: Path) -> bytes:
        content = content_of(path)
        put(folder, file.name, f"{HEADER}a red fox,fox-1\n", age=30)
        return content

    replace(monkeypatch, inbox, "content_of", slow)
    found = read(ledger, folder)
    assert (found.planned, found.memory.trouble) == (0, "")
    monkeypatch.undo()
    assert read(ledger, folder, found.memory).planned == 1
    assert ledger.request("fox-1").payload == {"prompt": "a red fox"}


def test_a_time_far_ahead_is_another_computers_clock_and_waited_for_by_nobody(
    ledger: Ledger, folder: Path
) -> None:
    put(folder, "a.csv", f"{HEADER}a red fox,fox-1\n", age=-86400)
    assert read(ledger, folder).planned == 1


def test_a_pass_that_runs_out_of_time_goes_on_and_sees_what_changed_meanwhile(
    ledger: Ledger, folder: Path
) -> None:
    for name in "abc":
        put(folder, f"{name}.csv", f"{HEADER}{name},{name}-1\n")
    found = read(ledger, folder, late=True)
    assert (found.memory.place, keys(ledger)) == ("b.csv", ["a-1"])
    assert "going on with b.csv" in found.state
    put(folder, "a.csv", f"{HEADER}a,a-1\na2,a-2\n", age=50)  # behind the place
    for _ in range(2):
        found = read(ledger, folder, found.memory, late=True)
    assert (found.memory.place, keys(ledger)) == ("", ["a-1", "b-1", "c-1"])
    assert read(ledger, folder, found.memory).planned == 1
    assert "a-2" in keys(ledger)


def test_ten_thousand_rows_are_planned_in_one_reading(ledger: Ledger, folder: Path) -> None:
    put(folder, "a.csv", "prompt\n" + "\n".join(f"fox number {n}" for n in range(10_000)))
    assert read(ledger, folder).planned == 10_000


def test_other_settings_read_the_same_files_again(ledger: Ledger, folder: Path) -> None:
    put(folder, "a.csv", "Prompt text\na red fox\n")
    found = read(ledger, folder)
    assert "column 'Prompt text' is not known" in found.memory.trouble
    columns = dataclasses.replace(FOX, mapping={"Prompt text": "prompt"}, campaign="winter")
    found = read(ledger, folder, found.memory, columns=columns)
    assert (found.planned, found.memory.trouble) == (1, "")
    assert ledger.requests()[0].campaign == "winter"


def test_a_mark_is_short_and_survives_names_that_are_no_text(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    put(folder, name, HEADER)
    found = inbox_folder.listing(folder, time.time())
    assert len(found.mark) == 16
