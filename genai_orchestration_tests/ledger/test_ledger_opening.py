"""Opening the ledger: where it is, which addresses are no good, and who else keeps it."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger import database as ledger_database
from genai_orchestration.ledger.database import LedgerBusy
from genai_orchestration.ledger.requests import WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.url import LedgerUnusable
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, NOW, wanted
from genai_orchestration_tests.support.postgres import Postgres


def test_the_sqlite_ledger_is_a_wal_file_in_the_home_folder(settings: Settings) -> None:
    with Ledger.open(settings) as ledger:
        ledgers.approved(ledger, "a")
    with sqlite3.connect(settings.ledger) as direct:
        assert direct.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert direct.execute("SELECT state FROM requests").fetchall() == [("approved",)]
    direct.close()
    assert "@" in ledger.who


def test_an_address_of_sqlite_makes_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_LEDGER", f"sqlite:///{tmp_path}/deep/down/own.db")
    with Ledger.open(Settings.load()) as ledger:
        ledgers.approved(ledger, "a")
    assert (tmp_path / "deep/down/own.db").is_file()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("no address: secret", "GENAI_LEDGER is not the address of a database: set it to sqlite"),
        ("mysql://me:secret@host/db", "names a database of the kind mysql, which the ledger does"),
        ("sqlite://", "names a database in memory, which forgets what was paid for"),
        ("sqlite:///:memory:", "names a database in memory"),
        ("postgresql+nodriver://me:secret@host/db", "The driver of the ledger .* not installed"),
        (
            "postgres://me:secret@127.0.0.1:1/db",
            r"The ledger postgresql\+psycopg2://me:\*\*\*@127.0.0.1:1/db",
        ),
        ("sqlite:////proc/none/ledger.db", "/proc/none"),
    ],
)
def test_an_address_that_is_no_good_is_told_in_a_sentence_without_its_password(
    address: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_LEDGER", address)
    with pytest.raises(LedgerUnusable, match=says) as caught:
        Ledger.open(Settings.load())
    assert "secret" not in str(caught.value) + repr(Settings.load())
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_left_alone(settings: Settings) -> None:
    settings.home.mkdir(parents=True)
    settings.ledger.write_text("this is no database at all" * 100)
    with pytest.raises(LedgerUnusable, match=r"ledger.db cannot be opened: file is not a database"):
        Ledger.open(settings)
    assert settings.ledger.read_text().startswith("this is no database")


def test_a_ledger_that_is_kept_by_others_says_so(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_database, "BUSY_TIMEOUT_SECONDS", 1)
    with Ledger.open(place) as one, Ledger.open(place) as other:
        with one._database.write():
            with pytest.raises(LedgerBusy, match="another process has been writing to it for 1 s"):
                other.add([wanted("a")], NOW)
            assert other.requests() == []  # reading goes on
        other.add([wanted("a")], NOW)
        assert one.request("a").state is RequestState.PLANNED


def test_a_ledger_whose_server_goes_away_says_so_and_goes_on_when_it_is_back(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_LEDGER", server.database())
    with Ledger.open(Settings.load()) as ledger:
        with (
            pytest.raises(LedgerUnusable, match=r"has failed: .* check where the request stands"),
            ledger._database.write() as connection,
        ):
            connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))
        ledgers.approved(ledger, "a")


def test_threads_share_a_ledger_and_start_each_request_once(ledger: Ledger) -> None:
    keys = [f"k{n}" for n in range(20)]
    ledgers.approved(ledger, *keys)

    def start(key: str) -> int:
        try:
            return len(ledger.start(key, LOCAL, NOW).request_key)
        except WrongState:
            return 0

    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(start, keys * 3))
    assert len([length for length in started if length]) == len(keys)
