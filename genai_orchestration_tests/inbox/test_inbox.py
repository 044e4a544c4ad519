"""The inbox over real folders, a real SQLite file and a real PostgreSQL, into a real ledger."""

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from genai_orchestration.inbox import folder as inbox_folder
from genai_orchestration.inbox import inbox
from genai_orchestration.inbox import table as inbox_table
from genai_orchestration.inbox.folder import InboxUnreadable
from genai_orchestration.inbox.inbox import LONGEST, Found, Inbox, Memory
from genai_orchestration.inbox.settings import InboxSettings
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.work import Operation
from genai_orchestration.requests.file import Columns
from genai_orchestration.requests.paid_request import PaidRequest
from genai_orchestration.requests.request import NewRequest, operations_of
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import postgres
from genai_orchestration_tests.support.doubles import replace

OPERATIONS = operations_of(all_providers())
FOX = Columns(provider="imagine_api")
HEADER = "prompt,request_key\n"


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(Settings.load()) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind."""
    if request.param == "postgresql":
        server = request.getfixturevalue("server")
        assert isinstance(server, postgres.Postgres)
        return server.database()
    address = f"sqlite:///{tmp_path / 'wishes.db'}"
    execute(address, "CREATE TABLE other (id INTEGER)")
    return address


def execute(address: str, *statements: str) -> None:
    engine = sa.create_engine(address.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def put(folder: Path, name: str, text: str | bytes, *, age: float = 60) -> Path:
    """A file that was written that many seconds ago."""
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(file, (time.time() - age,) * 2)
    return file


def read(
    ledger: Ledger,
    place: Path | tuple[str, str],
    memory: Memory | None = None,
    *,
    columns: Columns = FOX,
    late: bool = False,
) -> Found:
    settings = (
        InboxSettings(folder=place, columns=columns)
        if isinstance(place, Path)
        else InboxSettings(database=place[0], table=place[1], columns=columns)
    )
    now = datetime.now(timezone.utc)
    inbox = Inbox(settings=settings, ledger=ledger, operations=OPERATIONS, now=now)
    return inbox.read(memory or Memory(), lambda: late)


def keys(ledger: Ledger) -> list[str]:
    return sorted(each.request_key for each in ledger.requests())


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


def test_a_folder_that_is_not_there_is_a_sentence(ledger: Ledger, folder: Path) -> None:
    with pytest.raises(InboxUnreadable, match="nowhere is not there: make it, or set another"):
        read(ledger, folder / "nowhere")
    with pytest.raises(InboxUnreadable, match="cannot be listed"):
        read(ledger, put(folder, "file", ""))


def test_the_rows_of_a_table_are_planned_once_and_new_ones_are_found(
    ledger: Ledger, database: str
) -> None:
    execute(
        database,
        "CREATE TABLE wishes (id INTEGER PRIMARY KEY, prompt TEXT, request_key TEXT)",
        "INSERT INTO wishes VALUES (1, 'a red fox', 'fox-1'), (2, 'an owl', NULL)",
    )
    found = read(ledger, (database, "wishes"))
    assert (found.planned, found.memory.trouble, found.state) == (2, "", "2 rows in wishes")
    again = read(ledger, (database, "wishes"), found.memory)
    assert (again.planned, again.known, again.state) == (0, 0, "No new row: 2 rows in wishes")
    execute(database, "INSERT INTO wishes VALUES (3, 'a cat', 'cat-1')")
    found = read(ledger, (database, "wishes"), found.memory)
    assert (found.planned, found.known) == (1, 2)


def test_a_bad_row_is_named_by_its_primary_key_and_the_others_are_taken(
    ledger: Ledger, database: str
) -> None:
    execute(
        database,
        "CREATE TABLE wishes (id INTEGER PRIMARY KEY, prompt TEXT, request_key TEXT)",
        "INSERT INTO wishes VALUES (17, '  ', 'bad-1'), (18, 'a fox', 'x y'), (19, 'a cat', 'c')",
    )
    found = read(ledger, (database, "wishes"))
    assert found.memory.trouble.startswith("Rows of wishes are left out: row 17: prompt")
    assert "row 18: request_key 'x y' cannot be used" in found.memory.trouble
    assert keys(ledger) == ["c"]
    execute(database, "UPDATE wishes SET prompt = 'mended' WHERE id = 17")
    assert read(ledger, (database, "wishes"), found.memory).planned == 1


def test_typed_columns_and_a_view_do_as_well(ledger: Ledger, database: str) -> None:
    execute(
        database,
        'CREATE TABLE w (id INTEGER PRIMARY KEY, "payload.image_count" NUMERIC(4, 0), '
        '"payload.style.prompt" TEXT, "payload.model" TEXT, author TEXT)',
        "INSERT INTO w VALUES (1, 1, 'true', 'z-image-turbo', 'ann')",
        "CREATE VIEW wishes AS SELECT * FROM w WHERE author = 'ann'",
    )
    columns = Columns(
        provider="magic_hour", operation="ai_image_generator", mapping={"author": "", "id": ""}
    )
    found = read(ledger, (database, "wishes"), columns=columns)
    assert found.memory.trouble == ""
    (only,) = ledger.requests()
    assert only.payload == {
        "image_count": 1,
        "style": {"prompt": "true"},
        "model": "z-image-turbo",
    }


def test_nothing_can_be_written_to_a_watched_database(database: str) -> None:
    url = inbox_table._url(database)
    with (
        pytest.raises(sa.exc.SQLAlchemyError, match=r"(?i)read-?only"),
        inbox_table._connected(url) as connection,
    ):
        connection.execute(sa.text("CREATE TABLE mine (id INTEGER)"))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("sqlite:////nowhere/wishes.db", "wishes.db is not there: make it"),
        ("nonsense", "is not the address of a database"),
        ("postgresql://ann:hunter2@127.0.0.1:1/db", "cannot be read: "),
        ("postgres://ann:hunter2@127.0.0.1:1/db?password=hunter2", "cannot be read: "),
        ("mssql+nodriver://ann:hunter2@host/db", "is not installed"),
        ("post gres://ann:hunter2@host", "is not the address of a database"),
    ],
)
def test_a_database_that_cannot_be_read_is_a_sentence_without_the_password(
    ledger: Ledger, address: str, words: str
) -> None:
    with pytest.raises(InboxUnreadable, match=words) as told:
        read(ledger, (address, "wishes"))
    assert "hunter2" not in str(told.value)


def test_a_table_that_is_missing_too_long_or_misnamed_is_told(
    ledger: Ledger, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InboxUnreadable, match="There is no table wishes in"):
        read(ledger, (database, "wishes"))
    execute(database, "CREATE TABLE wishes (prompt TEXT)", "INSERT INTO wishes VALUES ('a')")
    monkeypatch.setattr(inbox_table, "MOST_ROWS", 0)
    with pytest.raises(InboxUnreadable, match="make a view of the recent ones"):
        read(ledger, (database, "wishes"))
    monkeypatch.undo()
    execute(database, "ALTER TABLE wishes ADD COLUMN colour TEXT", "UPDATE wishes SET colour='r'")
    trouble = read(ledger, (database, "wishes")).memory.trouble
    assert "column 'colour' is not known" in trouble
    assert keys(ledger) == []


def test_a_mark_is_short_and_survives_names_that_are_no_text(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    put(folder, name, HEADER)
    found = inbox_folder.listing(folder, time.time())
    assert len(found.mark) == 16
