"""The inbox over a table of a real SQLite file and a real PostgreSQL, into a real ledger."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from genai_orchestration.inbox import table as inbox_table
from genai_orchestration.inbox.folder import InboxUnreadable
from genai_orchestration.ledger import Ledger
from genai_orchestration.requests.file import Columns
from genai_orchestration_tests.inbox.reading import keys, read
from genai_orchestration_tests.support import postgres


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
