"""The `genai` command on its good days: what it shows, loads and serves, and how it ends."""

import fcntl
import json
import logging
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from datetime import datetime, timedelta, timezone

import pytest
import requests

from genai_orchestration import warehouse
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse.locked_duckdb import LockedDuckDb
from genai_orchestration_tests.support.command import GENAI, genai, process, tables

IMAGES = "imagine_api_data.images"
LOOKS = {"abyssale_data.credits", "imagine_api_data.status", "magic_hour_data.credits"}
LOOKS |= {"magic_hour_data.status"}  # tables that get a row each time they are asked


@pytest.mark.parametrize("command", ["load", "requests submit", "jobs list"])
def test_help_imports_neither_dagster_nor_dlt(command: str) -> None:
    script = (
        "import json, sys\n"
        "from genai_orchestration.cli import main\n"
        "try:\n"
        f"    main([*{command.split()}, '--help'])\n"
        "finally:\n"
        "    print(json.dumps([name for name in sys.modules if '.' not in name]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    *shown, modules = ended.stdout.splitlines()
    assert "Usage: " in shown[0]
    assert {"dagster", "dlt", "duckdb", "pyarrow", "requests", "rich", "sqlalchemy"} & set(
        json.loads(modules)
    ) == set()


@pytest.mark.parametrize("provider", ["abyssale", "imagine_api", "magic_hour"])
def test_a_load_ends_with_dlts_summary_and_a_second_one_changes_nothing(
    provider: str, sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    banners = ",".join(sandbox.providers["abyssale"].banner_ids)
    monkeypatch.setenv("SOURCES__ABYSSALE_SOURCE__BANNER_IDS", banners)
    first = genai("load", provider)
    assert (first.code, first.err) == (0, "")
    assert f"Pipeline {provider}_pipeline load step finished" in first.out
    assert "contains no failed jobs" in first.out
    before = own(settings)
    assert before.keys() >= {f"{provider}_data.{t.name}" for t in provider_named(provider).tables}
    assert genai("load", provider).code == 0
    assert own(settings) == {name: n + (name in LOOKS) for name, n in before.items()}
    assert list((settings.dlt_home / "runs").iterdir()) == []


def test_a_warehouse_that_another_version_has_loaded_is_loaded_without_a_warning(
    sandbox: Sandbox, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    earlier = "genai_orchestration.locked_duckdb.LockedDuckDb"  # as dlt has stored it then
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LockedDuckDb, "destination_type", earlier)
        assert genai("load", "magic_hour", "--table", "credits").code == 0
    logging.getLogger("dlt").addHandler(caplog.handler)
    try:
        assert genai("load", "magic_hour", "--table", "credits").code == 0
    finally:
        logging.getLogger("dlt").removeHandler(caplog.handler)
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == []
    assert tables(settings)["magic_hour_data.credits"] == 2


def test_a_load_shows_its_progress_on_a_terminal_alone(sandbox: Sandbox) -> None:
    terminal, stderr = pty.openpty()
    fcntl.ioctl(stderr, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with subprocess.Popen([GENAI, "load", "imagine_api"], stdout=-1, stderr=stderr) as loading:
        out, _ = loading.communicate(timeout=60)
    shown = os.read(terminal, 65536).decode()
    os.close(stderr)
    os.close(terminal)
    assert loading.returncode == 0
    assert b"contains no failed jobs" in out
    for step in ("Extract", "Normalize", "Load"):
        assert f"{step} imagine_api_source" in shown
    assert process("load", "magic_hour").err == ""


def test_a_window_includes_its_first_day_and_excludes_its_last(
    sandbox: Sandbox, settings: Settings
) -> None:
    start, end = midnight(-10), midnight(-7)
    assert genai("load", "imagine_api", "--from", start[:10], "--to", end[:10]).code == 0
    assert tables(settings)[IMAGES] == at_the_api(sandbox, _gte=start, _lt=end) > 0
    days = warehouse.query(
        provider_named("imagine_api"),
        settings,
        "SELECT DISTINCT CAST(date_created AT TIME ZONE 'UTC' AS date) AS day FROM {images} "
        "ORDER BY day",
    )
    assert [day.isoformat() for (day,) in days or []] == [midnight(n)[:10] for n in (-10, -9, -8)]
    assert "imagine_api_data.status" not in tables(settings)


def test_a_window_may_begin_before_the_configured_start(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__IMAGINE_API_SOURCE__START_DATE", midnight(-2)[:10])
    assert genai("load", "imagine_api", "--to", midnight(0)[:10]).code == 0
    assert tables(settings)[IMAGES] == at_the_api(sandbox, _gte=midnight(-2), _lt=midnight(0))
    assert genai("load", "imagine_api", "--from", midnight(-4)[:10]).code == 0
    assert tables(settings)[IMAGES] == at_the_api(sandbox, _gte=midnight(-4))


def test_ids_load_these_images_and_name_those_that_are_gone(
    sandbox: Sandbox, settings: Settings
) -> None:
    known = sandbox.providers["imagine_api"].never_ending()
    gone = "00000000-0000-4000-8000-000000000000"
    ids = [part for id_ in (*known, gone) for part in ("--id", id_)]
    said = process("load", "imagine_api", *ids)
    assert said.code == 0
    assert said.err == f"ImagineAPI has no such image of this account: {gone}\n"
    assert tables(settings)[IMAGES] == len(known) == 2


def test_only_the_chosen_tables_are_loaded(sandbox: Sandbox, settings: Settings) -> None:
    assert genai("load", "abyssale", "--table", "fonts", "--table", "projects").code == 0
    assert own(settings).keys() == {"abyssale_data.fonts", "abyssale_data.projects"}


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_prints_what_to_export_answers_and_ends_without_a_word(
    stop: signal.Signals,
) -> None:
    with subprocess.Popen(
        [GENAI, "sandbox", "--port", "0"], stdout=-1, stderr=-1, text=True
    ) as served:
        assert served.stdout
        title, *exports = (served.stdout.readline().strip() for _ in range(7))
        assert title.startswith("# The sandbox is up")
        variables = dict(line.removeprefix("export ").split("=", 1) for line in exports)
        address = variables["SOURCES__MAGIC_HOUR_SOURCE__BASE_URL"]
        answer = requests.get(
            f"{address}/v1/account",
            headers={"Authorization": f"Bearer {variables['SOURCES__MAGIC_HOUR_SOURCE__API_KEY']}"},
            timeout=10,
        )
        assert answer.json()["tier"] == "pro"
        served.send_signal(stop)
        assert served.communicate(timeout=20) == ("", "")
    assert served.returncode == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=10)


def own(settings: Settings) -> dict[str, int]:
    """The rows of the tables that are not dlt's own."""
    return {
        name: rows
        for name, rows in tables(settings).items()
        if "._dlt" not in name and "_staging." not in name
    }


def midnight(days: int) -> str:
    """The first instant of the UTC day that many days from today, as ImagineAPI writes it."""
    day = datetime.now(timezone.utc).date() + timedelta(days=days)
    return f"{day.isoformat()}T00:00:00.000Z"


def at_the_api(sandbox: Sandbox, **bounds: str) -> int:
    """How many images the sandbox itself counts between two instants."""
    window = {"_and": [{"date_created": {name: at}} for name, at in bounds.items()]}
    answer = requests.get(
        f"{sandbox.base_url('imagine_api')}/items/images",
        params={"filter": json.dumps(window), "meta": "filter_count", "limit": "0"},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    )
    return int(answer.json()["meta"]["filter_count"])


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_a_character_that_the_terminal_lacks_is_shown_escaped(encoding: str) -> None:
    said = process("load", "bär-🐻", LANG="C", PYTHONIOENCODING=encoding)
    assert said.sentence.startswith("There is no provider 'b")
