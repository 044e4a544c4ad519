"""A mistyped setting never takes the code location down: what it concerns says so, in a sentence.

Settings of dlt's files are read in a process of their own, as dlt reads them once.
"""

import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
import pytest

from genai_orchestration.cli.doctor import examine
from genai_orchestration.definitions import defs
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration_tests.orchestration.daemon import Daemon
from genai_orchestration_tests.support.command import process, variable

NOBODY = "~nobody-of-that-name/x"
SCHEDULES = ("abyssale_daily", "imagine_api_daily", "magic_hour_hourly")
FOLLOWERS = ("abyssale_generations_sensor", "magic_hour_projects_sensor")
FILES = tuple(f"{provider.name}_files_sensor" for provider in all_providers())
INBOX = "generation_requests_sensor"


def imagine(name: str) -> str:
    return variable("imagine_api", name)


# setting, value, part of the sentence, and the sensors and schedules that have to say it
MISTYPED = [
    (imagine("start_date"), "soon", "start_date", ("imagine_api_images_sensor", SCHEDULES[1])),
    (imagine("start_date"), "0001-01-01", "start_date", ("imagine_api_images_sensor",)),
    (imagine("start_date"), "9999-12-31", "start_date", ("imagine_api_images_sensor",)),
    (imagine("base_url"), "my server", "base_url", ("imagine_api_images_sensor",)),
    (imagine("api_key"), "a\nb", "api_key", ("imagine_api_images_sensor", SCHEDULES[1])),
    (imagine("reread_days"), "some", "reread_days", SCHEDULES[1:2]),
    (imagine("files_per_run"), "many", "files_per_run", ("imagine_api_files_sensor",)),
    (imagine("files_every_minutes"), "nan", "files_every_minutes", ("imagine_api_files_sensor",)),
    (imagine("stuck_after_minutes"), "1e300", "stuck_after_minutes", ()),
    (imagine("credits_per_day"), "lots", "credits_per_day", ()),
    (imagine("credits_per_month"), "-5", "credits_per_month", ()),
    (imagine("campaigns"), "5", "campaigns", ()),
    (imagine("in_flight"), "0", "in_flight", ()),
    (variable("magic_hour", "balance_floor"), "some", "balance_floor", ()),
    ("GENAI_HOME", "/tmp/100%", "GENAI_HOME", (*SCHEDULES, *FOLLOWERS, *FILES)),
    ("GENAI_HOME", NOBODY, "GENAI_HOME", (*SCHEDULES, *FOLLOWERS, *FILES)),
    ("GENAI_LEDGER", "nonsense", "GENAI_LEDGER", (*FOLLOWERS, *FILES)),
    ("GENAI_LEDGER", f"sqlite:///{NOBODY}", "GENAI_LEDGER", (*SCHEDULES, *FOLLOWERS, *FILES)),
    ("GENAI_ARCHIVE", NOBODY, "GENAI_ARCHIVE", FILES),
    ("GENAI_ARCHIVE", "nosuch://x", "GENAI_ARCHIVE", FILES),
    ("GENAI_ARCHIVE_LIMIT", "much", "GENAI_ARCHIVE_LIMIT", FILES),
    ("GENAI_DESTINATION", "my warehouse", "GENAI_DESTINATION", FILES[1:2]),
    ("REQUESTS__SUBMIT", "perhaps", "submit", (INBOX,)),
    ("REQUESTS__COLUMNS", "nonsense", "columns", (INBOX,)),
    ("REQUESTS__DATABASE", "x", "database", (INBOX,)),
]


@pytest.mark.parametrize(("name", "value", "words", "ticks"), MISTYPED)
def test_the_location_loads_and_what_it_concerns_says_so(
    name: str,
    value: str,
    words: str,
    ticks: tuple[str, ...],
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, value)
    definitions = defs()
    jobs = definitions.get_repository_def().job_names
    assert {f"{provider.name}_load" for provider in all_providers()} <= set(jobs)
    assert len([f for f in examine() if f.broken and words in f.message]) == 1
    for tick in ticks:
        said = tick_of(definitions, tick)
        assert words in said, tick
        assert said.endswith("."), tick


@pytest.mark.parametrize(
    ("name", "value"),
    [(imagine("start_date"), "soon"), ("GENAI_ARCHIVE_LIMIT", "much")],
)
def test_what_it_does_not_concern_works_as_before(
    name: str, value: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    load = defs().resolve_job_def("magic_hour_load")
    with dg.DagsterInstance.ephemeral() as instance:
        done = load.execute_in_process(
            instance=instance, asset_selection=[dg.AssetKey(["magic_hour", "credits"])]
        )
    assert done.success


def test_a_run_says_which_setting_is_wrong(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENAI_HOME", NOBODY)
    load = defs().resolve_job_def("imagine_api_load")
    with dg.DagsterInstance.ephemeral() as instance:
        done = load.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(["imagine_api", "status"])],
            raise_on_error=False,
        )
    assert not done.success
    failures = [event.step_failure_data for event in done.get_step_failure_events()]
    assert any(NOBODY in str(failure.user_failure_data) for failure in failures), failures


LOADED = """
import dagster as dg
from genai_orchestration.definitions import defs
dg.Definitions.validate_loadable(defs())
from genai_orchestration.cli import main
main(["doctor"], prog_name="genai")
"""


def fresh() -> str:
    """What `genai doctor` says in a process of its own that has loaded the location before."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=False, timeout=120
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("file", ["config.toml", "secrets.toml"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a = = b\n", "is not valid TOML (at line 1 col 4): correct it"),
        (b"\xff\xfe", "is not UTF-8 text: save it as UTF-8."),
    ],
)
def test_a_settings_file_that_cannot_be_read_is_named(
    file: str, content: bytes, words: str
) -> None:
    Path(".dlt").mkdir()
    Path(".dlt", file).write_bytes(content)
    said = fresh()
    assert f"Error: .dlt/{file} {words}" in said
    assert said.count(".dlt/") == 1


def test_values_of_another_kind_are_named(sandbox: Sandbox) -> None:
    Path(".dlt").mkdir()
    Path(".dlt", "config.toml").write_text(
        "[sources.abyssale_source]\nbanner_ids = 5\n"
        "[sources.imagine_api_source]\nstart_date = [1]\nreread_days = true\ncampaigns = 5\n"
        "[sources.magic_hour_source]\nin_flight = 1.5\n"
        "[requests]\nfolder = 5\n"
    )
    said = fresh()
    assert "BAD  Abyssale's banner_ids '5' is no list: write it like" in said
    assert "BAD  ImagineAPI's start_date: '[1]' is not a day" in said
    assert "BAD  ImagineAPI's reread_days 'True' is not a number of days from 1 to 366" in said
    assert "BAD  campaigns is no table of names and credits" in said
    assert "BAD  in_flight '1.5' is not a whole number from 1" in said
    assert "BAD  In [requests], folder is 5, which is no text: put it in quotes." in said


@pytest.mark.parametrize("name", ["api_key", "base_url"])
def test_a_number_without_quotes_is_not_shown_and_told_to_be_quoted(name: str) -> None:
    Path(".dlt").mkdir()
    Path(".dlt", "secrets.toml").write_text(
        f'[sources.magic_hour_source]\napi_key = "x"\n{name} = 1234567890\n'
        if name != "api_key"
        else "[sources.magic_hour_source]\napi_key = 1234567890\n"
    )
    said = fresh()
    assert f"BAD  Magic Hour's {name} is not a text: write it in quotes, as in {name} = " in said
    assert "[sources.magic_hour_source]" in said
    assert "1234567890" not in said


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RUNTIME__LOG_LEVEL", "loud", "log_level of [runtime] is not the name of a level"),
        ("RUNTIME__DLTHUB_TELEMETRY", "maybe", "dlthub_telemetry has a value of another kind"),
    ],
)
def test_a_setting_of_dlt_itself_is_named(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert "Error: " not in fresh()  # dlt begins without it
    assert words in process("doctor").sentence


def tick_of(definitions: dg.Definitions, name: str) -> str:
    """The sentence with which a sensor or a schedule skips."""
    if name.endswith("_sensor"):
        daemon = Daemon(name, definitions=definitions)
        with daemon.instance:
            assert daemon.tick() == []
        return daemon.said
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 3, 10, 1, tzinfo=timezone.utc)
    )
    tick = definitions.resolve_schedule_def(name).evaluate_tick(context)
    assert not tick.run_requests
    return str(tick.skip_message)
